"""Detect a copied or moved home and adapt its registry, which holds absolute locations.

A home records its own path. If the folder is found at another path, the locations in MLflow's
database are rewritten first: otherwise new files would be written to the original home.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

import psutil

from coldpress.errors import InputError
from tasks.environment import machine, relocation
from tasks.environment.atomic_file import write_text_atomic

RECORD_FILE = "home.json"
DATABASE_FILE = "mlflow.db"


@dataclass(frozen=True)
class HomeRecord:
    """Identity of a home, stored in `home.json`.

    Attributes:
        id: Random; a copy beside the original gets a new one.
        path: Absolute path without links.
        inode: Inode of the folder; a copy has another one.
        view: The machine or container in which the path was recorded.
    """

    id: str
    path: str
    inode: int
    view: str


def read_home_record(directory: Path) -> HomeRecord | None:
    """Read the record of a home.

    Args:
        directory: The home.

    Returns:
        None if there is no readable record.
    """
    try:
        return HomeRecord(**json.loads((directory / RECORD_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@cache
def adapt_registry(directory: Path) -> None:
    """Rewrite the registry of a copied or moved home to its own files; once per process.

    Args:
        directory: The home, absolute; it exists.

    Raises:
        InputError: The home was copied or moved and cannot be adapted.
    """
    if _is_adapted(directory):
        return
    try:
        with _home_lock(directory):
            if not _is_adapted(directory):
                _write_home_record(directory, _adapt(directory))
    except (OSError, sqlite3.Error) as error:
        foreign = _foreign_homes(directory, read_home_record(directory))
        if foreign:
            raise InputError(
                f"COLDPRESS_HOME: the registry of {directory} names files of {foreign[0]} and"
                f" cannot be adapted: {error}"
            ) from error


def is_home_registry(directory: Path, registry: str | None) -> bool:
    """Return whether a registry is the database of a home, however its URI is written.

    Args:
        directory: The home.
        registry: MLflow's tracking URI.

    Returns:
        False for a server or another file.
    """
    scheme, _, path = (registry or "").partition(":///")
    return scheme == "sqlite" and Path(path).resolve() == (directory / DATABASE_FILE).resolve()


def is_outside(directory: Path, location: str) -> bool:
    """Return whether a location is on this machine, but outside a home.

    Args:
        directory: The home.
        location: A URI or a path, as MLflow stores it.

    Returns:
        False for a location on a server.
    """
    path = relocation.local_path(location)
    if path is None:
        return "://" not in location and not location.startswith("mlflow-artifacts:")
    inside = [directory.resolve(), (directory / "artifacts").resolve(), recorded_path(directory)]
    return not any(path.resolve().is_relative_to(folder) for folder in inside)


def recorded_path(directory: Path) -> Path:
    """Return the path of a home as its registry has it; it may also be mounted at another path."""
    record = read_home_record(directory)
    return Path(record.path) if record and _points_to(record, directory) else directory


def _is_adapted(directory: Path) -> bool:
    record = read_home_record(directory)
    return record is not None and (record.path == str(directory) or _points_to(record, directory))


def _points_to(record: HomeRecord, directory: Path) -> bool:
    """Return whether the recorded path is this folder, through a link or a second mount."""
    with suppress(OSError):
        return Path(record.path).samefile(directory)
    return False


def _foreign_homes(directory: Path, record: HomeRecord | None) -> list[Path]:
    """Return the other homes whose files the registry may refer to."""
    database = directory / DATABASE_FILE
    homes = {Path(record.path)} if record else set[Path]()
    if database.exists():
        homes.update(relocation.find_homes(database))
    return sorted(home for home in homes if not _is_same_directory(home, directory))


def _is_same_directory(home: Path, directory: Path) -> bool:
    with suppress(OSError):
        return home.samefile(directory)
    return home == directory


def _adapt(directory: Path) -> HomeRecord:
    """Rewrite all locations to this home, if any belong to another; return the new record."""
    record = read_home_record(directory)
    database = directory / DATABASE_FILE
    foreign = _foreign_homes(directory, record)
    if foreign and database.exists():
        _check_unshared(directory, foreign)
        if record is None or record.inode == directory.stat().st_ino:
            _check_not_in_use(directory, record)
        relocation.rewrite_locations(database, foreign, directory)
        logging.getLogger(__name__).warning(
            "%s was copied or moved from %s: its registry was adapted", directory, foreign[0]
        )
    keeps_id = record is not None and not _has_id(Path(record.path), record.id)
    return HomeRecord(
        id=record.id if record is not None and keeps_id else uuid4().hex,
        path=str(directory),
        inode=directory.stat().st_ino,
        view=_current_view(),
    )


def _has_id(home: Path, identity: str) -> bool:
    """Return whether a home still exists with this id."""
    record = read_home_record(home)
    return record is not None and record.id == identity


def _check_unshared(directory: Path, foreign: list[Path]) -> None:
    """Refuse a copy made of links, whose files are still those of the original."""
    for home in foreign:
        for name in (DATABASE_FILE, "artifacts"):
            original = home / name
            own = directory / name
            if original.exists() and own.exists() and original.samefile(own):
                raise InputError(
                    f"COLDPRESS_HOME: {own} is the same as {original}: replace it by a copy"
                )


def _check_not_in_use(directory: Path, record: HomeRecord | None) -> None:
    """Refuse a home that may still be in use under its recorded path."""
    if record is not None and record.view != _current_view():
        raise InputError(
            f"COLDPRESS_HOME: {directory} was created as {record.path} and may be in use there by"
            f" another machine or container: mount it at {record.path}; or, if it was moved for"
            f" good, delete {directory / RECORD_FILE}, and the next command adapts it"
        )
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and str(directory / DATABASE_FILE) in (
                file.path for file in process.open_files()
            ):
                raise InputError(
                    f"COLDPRESS_HOME: {directory} was moved while process {process.pid} has its"
                    " registry open; end that process first"
                )


def _current_view() -> str:
    """Identify the machine or, in a container, the mount namespace that defines paths."""
    return (
        f"{machine.machine_id()}:{machine.mount_namespace() if machine.is_in_container() else ''}"
    )


@contextmanager
def _home_lock(directory: Path) -> Iterator[None]:
    """Lock the home against other commands; the system releases the lock if this process dies."""
    with (directory / "home.lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write_home_record(directory: Path, record: HomeRecord) -> None:
    """Write the record atomically."""
    write_text_atomic(directory / RECORD_FILE, json.dumps(asdict(record)))
