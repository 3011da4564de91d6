"""Runs, models and artifacts in MLflow."""
