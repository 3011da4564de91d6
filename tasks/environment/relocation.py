"""MLflow's embedded database holds absolute locations: make those of another home this home's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote, urlparse

_LOCK_TIMEOUT = 20.0
"""Seconds to wait for the lock of another connection, as MLflow's do."""
_EXPERIMENT_LOCATION = ("experiments", "artifact_location")
_LOCATION_COLUMNS = (
    _EXPERIMENT_LOCATION,
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)


def local_path(location: str) -> Path | None:
    """Return the path that a location names on this machine.

    Args:
        location: A URI or a path, as MLflow stores it.

    Returns:
        None where it is on a server.
    """
    parsed = urlparse(location)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    return Path(location) if location.startswith("/") else None


def find_homes(database: Path) -> list[Path]:
    """Find the homes whose experiments a database has.

    Args:
        database: MLflow's, of any version.

    Returns:
        Each home once, in the order of its name.
    """
    with closing(_connect(database)) as reader:
        if not _has_column(reader, *_EXPERIMENT_LOCATION):
            return []
        rows = reader.execute("SELECT name, artifact_location FROM experiments").fetchall()
    homes = {_experiment_home(str(name), str(location)) for name, location in rows if location}
    return sorted(home for home in homes if home is not None)


def _experiment_home(experiment: str, location: str) -> Path | None:
    """The home of an experiment that Coldpress made; another's may lie anywhere."""
    path = local_path(location)
    ends_alike = path is not None and path.parts[-2:] == ("artifacts", experiment)
    return path.parents[1] if path is not None and ends_alike else None


def rewrite_locations(database: Path, old: Sequence[Path], new: Path) -> None:
    """Replace other homes by this one in all locations, in one transaction.

    A location stays where its files are at the old place alone: they were never copied.

    Args:
        database: MLflow's, of any version.
        old: Absolute paths of the other homes.
        new: The home that the database lies in.
    """
    with closing(_connect(database)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        for table, column in _LOCATION_COLUMNS:
            if _has_column(writer, table, column):
                for row, location in _changed_rows(writer, table, column, (old, new)):
                    change = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"  # noqa: S608
                    writer.execute(change, (location, row))
        writer.execute("COMMIT")


def _changed_rows(
    reader: sqlite3.Connection, table: str, column: str, homes: tuple[Sequence[Path], Path]
) -> Iterator[tuple[int, str]]:
    """Yield the row and the new location of what is to be changed."""
    old, new = homes
    rows = reader.execute(f"SELECT rowid, {column} FROM {table}").fetchall()  # noqa: S608
    for row, location in rows:
        for home in old:
            moved = _relocate(location or "", home, new)
            stays = table != "experiments" and _exists_only_at(location, moved)
            if moved is not None and not stays:
                yield row, moved
                break


def _relocate(location: str, old: Path, new: Path) -> str | None:
    """The same place below another home; None for what is not below the old one."""
    forms = {
        old.as_uri(): new.as_uri(),
        f"file://{old}": f"file://{quote(str(new))}",
        str(old): str(new),
    }
    for before, after in forms.items():
        if location == before or location.startswith(f"{before}/"):
            return after + location[len(before) :]
    return None


def _exists_only_at(location: str, moved: str | None) -> bool:
    old, new = local_path(location), local_path(moved or "")
    return old is not None and new is not None and old.exists() and not new.exists()


def _has_column(reader: sqlite3.Connection, table: str, column: str) -> bool:
    """Whether there is such a column: the tables may be of an older MLflow."""
    columns = reader.execute(f"PRAGMA table_info({table})").fetchall()
    return column in {name for _, name, *_ in columns}


def _connect(database: Path) -> sqlite3.Connection:
    """Never made here; where the disk is only readable, SQLite opens it for reading."""
    uri = f"{database.as_uri()}?mode=rw"
    return sqlite3.connect(uri, timeout=_LOCK_TIMEOUT, isolation_level=None, uri=True)
