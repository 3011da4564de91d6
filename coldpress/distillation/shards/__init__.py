"""Soft targets in shards: many rows in constant memory, and a killed run continues."""
