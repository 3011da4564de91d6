"""The embedded Prefect server of a run."""
