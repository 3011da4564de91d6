"""MLflow's tables in the embedded database: made aside, and moved into place whole.

MLflow migrates a database where it lies, statement by statement, and what a kill leaves of that no
later start can complete.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from coldpress.errors import InputError
from tasks.environment import home

_LOCK_TIMEOUT = 20.0
"""Seconds that a connection waits for the lock of another one, as MLflow's do."""


@cache
def ensure_schema(database: Path) -> None:
    """Have the tables that this MLflow wants in an embedded database; looked at once a process.

    Args:
        database: A SQLite file, or where one is to be.

    Raises:
        InputError: Its tables are to be changed and another process has it open, a newer MLflow
            made it, or an earlier version was killed while it changed the tables beside runs.
    """
    if _is_current(database):
        home.delete_abandoned_files()  # whoever made it may have been killed right after that
        return
    with _exclusive_lock(database), home.workspace() as directory:
        if not database.exists():
            # SQLite would roll what is left of another file back into this one.
            database.with_name(f"{database.name}-journal").unlink(missing_ok=True)
            _migrate(directory / "new.db").replace(database)
        elif not _is_current(database):
            _replace_with_migrated(database, directory)


@contextmanager
def _exclusive_lock(database: Path) -> Iterator[None]:
    """Keep other commands waiting; the system lets go of the lock when this process is killed."""
    with database.with_suffix(".lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _replace_with_migrated(database: Path, directory: Path) -> None:
    """Change the tables of a copy, while nobody writes to what is copied, and move it there."""
    with closing(_connect(database)) as held:
        # What a kill left in the journal is rolled back now: nothing of it meets the new file.
        held.execute("BEGIN IMMEDIATE")
        _check_unused(database)
        _migrate_copy(database, directory).replace(database)


def _check_unused(database: Path) -> None:
    """Whoever has the file open would go on with one that has no name any more."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and str(database) in (
                file.path for file in process.open_files()
            ):
                raise InputError(
                    f"{database}: its tables are of another MLflow and are to be changed, but"
                    f" process {process.pid} has it open; end that one first"
                )


def _migrate_copy(database: Path, directory: Path) -> Path:
    """A copy with this MLflow's tables; an empty one if the tables are beyond help."""
    from alembic.util import CommandError

    copy = directory / "copy.db"
    with closing(_connect(database)) as source, closing(_connect(copy)) as target:
        source.backup(target)
    try:
        return _migrate(copy)
    except CommandError as error:
        raise InputError(f"{database}: a newer MLflow made it; {error}") from error
    except Exception as error:
        if _has_runs(database):
            why = str(error).partition("\n")[0]
            raise InputError(
                f"{database}: its tables cannot be completed ({why}), as after a kill while an"
                " earlier version changed them; put an older copy in its place, or move it away"
            ) from error
        return _migrate(directory / "new.db")  # nothing is lost


def _migrate(database: Path) -> Path:
    """As `mlflow db upgrade` does it."""
    from sqlalchemy import URL, create_engine

    engine = create_engine(URL.create("sqlite", database=str(database)))
    try:
        if _mlflow_db_utils()._is_empty_database(engine):
            _mlflow_db_utils()._initialize_tables(engine)
        else:
            _mlflow_db_utils()._upgrade_db(engine)
    finally:
        engine.dispose()
    return database


def _is_current(database: Path) -> bool:
    """Whether the last change to the tables that was completed is the last that there is."""
    if not database.exists():
        return False
    with closing(_connect(database)) as reader:
        done = _first_value(reader, "alembic_version", "SELECT version_num FROM alembic_version")
    return done is not None and done == _mlflow_db_utils()._get_latest_schema_revision()


def _has_runs(database: Path) -> bool:
    with closing(_connect(database)) as reader:
        return _first_value(reader, "runs", "SELECT run_uuid FROM runs LIMIT 1") is not None


def _first_value(reader: sqlite3.Connection, table: str, query: str) -> str | None:
    """The first value of a query; None where its table is empty or is not there."""
    there = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    if reader.execute(there, (table,)).fetchone() is None:
        return None
    row = reader.execute(query).fetchone()
    return None if row is None else str(row[0])


def _connect(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(database, timeout=_LOCK_TIMEOUT, isolation_level=None)


def _mlflow_db_utils() -> Any:  # noqa: ANN401 - it has no types
    return importlib.import_module("mlflow.store.db.utils")
