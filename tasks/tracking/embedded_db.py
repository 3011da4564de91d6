"""Create and migrate the embedded MLflow database in a copy, then move it into place.

MLflow migrates a database in place, statement by statement, and cannot resume a migration that was
killed halfway.
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
"""Seconds that a connection waits for another one's lock, as in MLflow."""


@cache
def ensure_schema(database: Path) -> None:
    """Create or migrate an embedded database for this MLflow; checked once per process.

    Args:
        database: A SQLite file, which need not exist yet.

    Raises:
        InputError: It needs a migration and another process has it open, a newer MLflow made it,
            or it has runs and an earlier version of Coldpress was killed during a migration.
    """
    if _is_current(database):
        home.delete_abandoned_files()  # the process that created it may have been killed after that
        return
    with _exclusive_lock(database), home.workspace() as directory:
        if not database.exists():
            # SQLite would roll back the journal of a deleted database into this one.
            database.with_name(f"{database.name}-journal").unlink(missing_ok=True)
            _migrate(directory / "new.db").replace(database)
        elif not _is_current(database):
            _replace_with_migrated(database, directory)


@contextmanager
def _exclusive_lock(database: Path) -> Iterator[None]:
    """Make other commands wait; the kernel releases the lock if this process is killed."""
    with database.with_suffix(".lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _replace_with_migrated(database: Path, directory: Path) -> None:
    """Migrate a copy while the original is locked, and replace the original with it."""
    with closing(_connect(database)) as lock:
        # This also rolls back a journal left by a kill, so that it cannot corrupt the new file.
        lock.execute("BEGIN IMMEDIATE")
        _check_unused(database)
        _migrate_copy(database, directory).replace(database)


def _check_unused(database: Path) -> None:
    """A process with the file open would continue to write to the replaced, unlinked file."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and str(database) in (
                file.path for file in process.open_files()
            ):
                raise InputError(
                    f"{database}: its tables were made by another MLflow version and must be"
                    f" migrated, but process {process.pid} has it open; end that one first"
                )


def _migrate_copy(database: Path, directory: Path) -> Path:
    """Return a migrated copy; an empty database if migration fails and there are no runs."""
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
                f"{database}: its tables cannot be migrated ({why}), as after a kill while an"
                " earlier version migrated them; restore an older copy, or move it away"
            ) from error
        return _migrate(directory / "new.db")  # it has no runs to lose


def _migrate(database: Path) -> Path:
    """Create or upgrade the tables, as `mlflow db upgrade` does."""
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
    """True if the database has the latest schema revision of this MLflow."""
    if not database.exists():
        return False
    with closing(_connect(database)) as reader:
        query = "SELECT version_num FROM alembic_version"
        revision = _first_value(reader, "alembic_version", query)
    return revision is not None and revision == _mlflow_db_utils()._get_latest_schema_revision()


def _has_runs(database: Path) -> bool:
    with closing(_connect(database)) as reader:
        return _first_value(reader, "runs", "SELECT run_uuid FROM runs LIMIT 1") is not None


def _first_value(reader: sqlite3.Connection, table: str, query: str) -> str | None:
    """Return the first value of a query; None if its table is empty or missing."""
    table_exists = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    if reader.execute(table_exists, (table,)).fetchone() is None:
        return None
    row = reader.execute(query).fetchone()
    return None if row is None else str(row[0])


def _connect(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(database, timeout=_LOCK_TIMEOUT, isolation_level=None)


def _mlflow_db_utils() -> Any:  # noqa: ANN401 - the module is untyped
    return importlib.import_module("mlflow.store.db.utils")
