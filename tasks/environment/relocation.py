"""Rewrite the absolute locations in MLflow's embedded database after a home was moved."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote, urlparse

_LOCK_TIMEOUT = 20.0
"""Seconds to wait for the lock of another connection, as MLflow does."""
_EXPERIMENT_LOCATION = ("experiments", "artifact_location")
_LOCATION_COLUMNS = (
    _EXPERIMENT_LOCATION,
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)


def local_path(location: str) -> Path | None:
    """Return the local path of a location.

    Args:
        location: A URI or a path, as MLflow stores it.

    Returns:
        None if it is on a server.
    """
    parsed = urlparse(location)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    return Path(location) if location.startswith("/") else None


def find_homes(database: Path) -> list[Path]:
    """Find the homes in which the experiments of a database are located.

    Args:
        database: MLflow's database, of any version.

    Returns:
        Unique homes, sorted by path.
    """
    with closing(_connect(database)) as reader:
        if not _has_column(reader, *_EXPERIMENT_LOCATION):
            return []
        rows = reader.execute("SELECT name, artifact_location FROM experiments").fetchall()
    homes = {_experiment_home(str(name), str(location)) for name, location in rows if location}
    return sorted(home for home in homes if home is not None)


def _experiment_home(experiment: str, location: str) -> Path | None:
    """The home of an experiment of Coldpress; others may be anywhere."""
    path = local_path(location)
    ends_alike = path is not None and path.parts[-2:] == ("artifacts", experiment)
    return path.parents[1] if path is not None and ends_alike else None


def rewrite_locations(database: Path, old: Sequence[Path], new: Path) -> None:
    """Replace other homes by this one in all locations, in one transaction.

    A location is kept if its files exist only in the old home, since they were never copied.

    Args:
        database: MLflow's database, of any version.
        old: Absolute paths of the other homes.
        new: The home of the database.
    """
    with closing(_connect(database)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        for table, column in _LOCATION_COLUMNS:
            if _has_column(writer, table, column):
                for row, location in _changed_rows(writer, table, column, (old, new)):
                    statement = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"  # noqa: S608
                    writer.execute(statement, (location, row))
        writer.execute("COMMIT")


def _changed_rows(
    reader: sqlite3.Connection, table: str, column: str, homes: tuple[Sequence[Path], Path]
) -> Iterator[tuple[int, str]]:
    """Yield the row id and the new location of each row to change."""
    old, new = homes
    rows = reader.execute(f"SELECT rowid, {column} FROM {table}").fetchall()  # noqa: S608
    for row, location in rows:
        for home in old:
            relocated = _relocate(location or "", home, new)
            keep = table != "experiments" and _exists_only_at(location, relocated)
            if relocated is not None and not keep:
                yield row, relocated
                break


def _relocate(location: str, old: Path, new: Path) -> str | None:
    """Return the same location below the new home; None if it is not below the old one."""
    forms = {
        old.as_uri(): new.as_uri(),
        f"file://{old}": f"file://{quote(str(new))}",
        str(old): str(new),
    }
    for before, after in forms.items():
        if location == before or location.startswith(f"{before}/"):
            return after + location[len(before) :]
    return None


def _exists_only_at(location: str, relocated: str | None) -> bool:
    old = local_path(location)
    new = local_path(relocated or "")
    return old is not None and new is not None and old.exists() and not new.exists()


def _has_column(reader: sqlite3.Connection, table: str, column: str) -> bool:
    """Return whether a column exists, which is not so in databases of an older MLflow."""
    columns = reader.execute(f"PRAGMA table_info({table})").fetchall()
    return column in {name for _, name, *_ in columns}


def _connect(database: Path) -> sqlite3.Connection:
    """Open an existing database; SQLite falls back to reading if it is not writable."""
    uri = f"{database.as_uri()}?mode=rw"
    return sqlite3.connect(uri, timeout=_LOCK_TIMEOUT, isolation_level=None, uri=True)
