"""Execution of pipeline stages: caching, locking, progress and errors."""
