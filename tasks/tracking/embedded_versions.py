"""Read a model version from an embedded registry without MLflow, whose import takes a second.

The tables are read only if they have a known revision of MLflow's schema, and only to find what is
there. In every other case the caller asks MLflow, which also knows why something is not there.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from coldpress.model.checkpoint import Checkpoint
from tasks.environment import home, home_record, relocation
from tasks.tracking import checkpoint_directory
from tasks.tracking.references import AUDIT_SUFFIX, LOGGED_MODEL, is_own, split_reference

KNOWN_REVISIONS = frozenset({"dc11669786a5"})
"""Revisions of MLflow's schema that these queries were tested with."""
_LOCK_TIMEOUT = 20.0
"""Seconds to wait for the lock of another connection, as MLflow does."""
_VERSION = """
    SELECT version, source FROM model_versions
    WHERE workspace = 'default' AND name = ? AND current_stage != 'Deleted_Internal'
"""
_CONDITIONS = {
    "": " ORDER BY version DESC LIMIT 1",
    "/": " AND version = CAST(? AS INTEGER)",
    "@": """ AND version = (SELECT version FROM registered_model_aliases
              WHERE workspace = 'default' AND name = model_versions.name AND alias = ?)""",
}
_TAGS = """
    SELECT key, value FROM model_version_tags
    WHERE workspace = 'default' AND name = ? AND version = ?
"""
_LOCATION = """
    SELECT artifact_location FROM logged_models WHERE model_id = ? AND lifecycle_stage = 'active'
"""


@dataclass(frozen=True)
class EmbeddedVersion:
    """A version that Coldpress registered, with files on this disk.

    Attributes:
        name: Registered name.
        version: Its number.
        source: The LoggedModel, `models:/m-...`.
        tags: Tags of the version.
        directory: The LoggedModel's files.
    """

    name: str
    version: int
    source: str
    tags: dict[str, str]
    directory: Path

    def open(self) -> Checkpoint:
        """Open and verify the checkpoint.

        Raises:
            CorruptCheckpointError: Files are missing or altered.
        """
        return checkpoint_directory.open_directory(self.directory, self.source)


def find_version(reference: str) -> EmbeddedVersion | None:
    """Find a version in the embedded registry of this home.

    Args:
        reference: `name` (its latest version), `name@alias` or `name/version`.

    Returns:
        None if it is not found, or has to be looked up with MLflow.
    """
    if home.is_unused():
        return None
    home.configure_environment()
    directory = home.home_directory()
    if not home_record.is_home_registry(directory, os.environ.get("MLFLOW_TRACKING_URI")):
        return None
    with suppress(sqlite3.Error), closing(_connect(home.database_path())) as reader:
        return _read_version(reader, reference)
    return None


def _connect(database: Path) -> sqlite3.Connection:
    """Open a database for reading; an error if it does not exist."""
    return sqlite3.connect(f"{database.as_uri()}?mode=ro", timeout=_LOCK_TIMEOUT, uri=True)


def _read_version(reader: sqlite3.Connection, reference: str) -> EmbeddedVersion | None:
    revisions = {str(row[0]) for row in reader.execute("SELECT version_num FROM alembic_version")}
    name, mark, selector = split_reference(reference)
    is_number = selector.isascii() and selector.isdigit()
    if not revisions <= KNOWN_REVISIONS or name.endswith(AUDIT_SUFFIX):
        return None
    if mark == "/" and not is_number:
        return None
    row = reader.execute(_VERSION + _CONDITIONS[mark], [name, selector][: 2 if mark else 1])
    version, source = row.fetchone() or (0, "")
    tags = dict(reader.execute(_TAGS, (name, version)).fetchall())
    directory = _read_directory(reader, source)
    if directory is None or not is_own(tags, source):
        return None
    return EmbeddedVersion(name, version, source, tags, directory)


def _read_directory(reader: sqlite3.Connection, source: str) -> Path | None:
    """The directory of an existing LoggedModel; None if it is not on this disk."""
    if not source.startswith(LOGGED_MODEL):
        return None
    row = reader.execute(_LOCATION, (source.removeprefix("models:/"),)).fetchone()
    return relocation.local_path(row[0]) if row else None
