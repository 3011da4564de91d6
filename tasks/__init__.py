"""Prefect tasks, one per file: fetch the inputs, call the library, record the result."""
