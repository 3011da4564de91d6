"""Prefect flows, one per file, and the command line."""
