"""What the stages that train compute, from files to files, without Prefect and MLflow."""
