"""The embedded Prefect server of a command."""
