"""Aliases, audit, promotion and retention of registered models."""
