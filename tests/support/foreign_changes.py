"""Changes that others make in a shared registry: versions, deletions, dangling aliases."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from mlflow.exceptions import MlflowException

from tasks.tracking import runs

SOURCES = ("/srv/models/old", "s3://bucket/model", "runs:/0123456789abcdef/model", "file:///srv/m")


def register(name: str, source: str = SOURCES[0], **tags: str) -> str:
    """Register a version that no stage made, and return its number."""
    client = runs.client()
    with suppress(MlflowException):  # it is there already
        client.create_registered_model(name)
    return str(client.create_model_version(name, source, tags=tags).version)


def purge(state: Path, model_id: str) -> None:
    """Remove a model for good, as `mlflow gc` does."""
    execute(state, "DELETE FROM logged_models WHERE model_id = ?", model_id)


def dangle(state: Path, name: str, alias: str, number: str) -> None:
    """Delete a version, and leave an alias that names it, as some versions of MLflow do."""
    runs.client().delete_model_version(name, number)
    execute(
        state,
        "INSERT OR REPLACE INTO registered_model_aliases (alias, version, name, workspace)"
        " SELECT ?, ?, name, workspace FROM registered_models WHERE name = ?",
        *(alias, int(number), name),
    )


def execute(state: Path, statement: str, *values: object) -> None:
    """Change the embedded database behind MLflow's back."""
    with closing(sqlite3.connect(state / "mlflow.db")) as database, database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute(statement, values)
