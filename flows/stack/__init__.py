"""The local stack: an MLflow server, a Prefect server and a worker on one machine."""
