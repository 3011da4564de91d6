"""Which home a folder is: a copied or moved one must not write into the place that it came from.

MLflow's database holds absolute locations. So a home writes down its own path, and where that is
another one, the locations are made its own before anything else is done.
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

RECORD_FILE, DATABASE_FILE = "home.json", "mlflow.db"


@dataclass(frozen=True)
class HomeRecord:
    """What a home says of itself.

    Attributes:
        id: Random; a copy that is made beside the original gets another one.
        path: Where it is, absolute and without links.
        inode: Of its folder: a copy has another one.
        view: The machine, or the container, in which that path was seen.
    """

    id: str
    path: str
    inode: int
    view: str


def read_home_record(directory: Path) -> HomeRecord | None:
    """Read what a home says of itself.

    Args:
        directory: The home.

    Returns:
        None where it says nothing that can be read.
    """
    try:
        return HomeRecord(**json.loads((directory / RECORD_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@cache
def adapt_registry(directory: Path) -> None:
    """Have a home's registry name this home's files; looked at once a process.

    Args:
        directory: The home, absolute; it exists.

    Raises:
        InputError: It came from elsewhere and cannot be adapted.
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
    """Whether a registry is a home's own, however its address is spelt.

    Args:
        directory: The home.
        registry: What MLflow is pointed at.

    Returns:
        False for a server, or another file.
    """
    scheme, _, path = (registry or "").partition(":///")
    return scheme == "sqlite" and Path(path).resolve() == (directory / DATABASE_FILE).resolve()


def is_outside(directory: Path, location: str) -> bool:
    """Whether files are on this machine, and not in a home.

    Args:
        directory: The home.
        location: A URI or a path, as MLflow stores it.

    Returns:
        False for what is on a server.
    """
    path = relocation.local_path(location)
    if path is None:
        return "://" not in location and not location.startswith("mlflow-artifacts:")
    inside = [directory.resolve(), (directory / "artifacts").resolve(), recorded_path(directory)]
    return not any(path.resolve().is_relative_to(folder) for folder in inside)


def recorded_path(directory: Path) -> Path:
    """Return the path of a home that its registry names: it may be mounted at another one too."""
    record = read_home_record(directory)
    return Path(record.path) if record and _points_to(record, directory) else directory


def _is_adapted(directory: Path) -> bool:
    record = read_home_record(directory)
    return record is not None and (record.path == str(directory) or _points_to(record, directory))


def _points_to(record: HomeRecord, directory: Path) -> bool:
    """Whether the recorded path leads here: through a link, or a second mount."""
    with suppress(OSError):
        return Path(record.path).samefile(directory)
    return False


def _foreign_homes(directory: Path, record: HomeRecord | None) -> list[Path]:
    """The homes whose files the registry may name, other than this one."""
    database = directory / DATABASE_FILE
    found = {Path(record.path)} if record else set[Path]()
    if database.exists():
        found.update(relocation.find_homes(database))
    return sorted(home for home in found if not _is_same_directory(home, directory))


def _is_same_directory(home: Path, directory: Path) -> bool:
    with suppress(OSError):
        return home.samefile(directory)
    return home == directory


def _adapt(directory: Path) -> HomeRecord:
    """Make all locations this home's; nothing is to be done in a home that is new."""
    record, database = read_home_record(directory), directory / DATABASE_FILE
    foreign = _foreign_homes(directory, record)
    if foreign and database.exists():
        _check_unshared(directory, foreign)
        if record is None or record.inode == directory.stat().st_ino:
            _check_not_in_use(directory, record)
        relocation.rewrite_locations(database, foreign, directory)
        logging.getLogger(__name__).warning(
            "%s came from %s: its registry names its own files now", directory, foreign[0]
        )
    moved = record is not None and not _has_id(Path(record.path), record.id)
    return HomeRecord(
        id=record.id if record is not None and moved else uuid4().hex,
        path=str(directory),
        inode=directory.stat().st_ino,
        view=_current_view(),
    )


def _has_id(home: Path, identity: str) -> bool:
    """Whether a home is still there."""
    record = read_home_record(home)
    return record is not None and record.id == identity


def _check_unshared(directory: Path, foreign: list[Path]) -> None:
    """Of a copy made of links, the files are the original's still."""
    for home in foreign:
        for name in (DATABASE_FILE, "artifacts"):
            theirs, own = home / name, directory / name
            if theirs.exists() and own.exists() and theirs.samefile(own):
                raise InputError(
                    f"COLDPRESS_HOME: {own} is the same as {theirs}: put a copy in its place"
                )


def _check_not_in_use(directory: Path, record: HomeRecord | None) -> None:
    """A home that is only seen under another path here may be in use under the first one."""
    if record is not None and record.view != _current_view():
        raise InputError(
            f"COLDPRESS_HOME: {directory} was made as {record.path}, and may be in use there from"
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
    """Outside of containers all processes of a machine see the same paths, or nearly so."""
    return (
        f"{machine.machine_id()}:{machine.mount_namespace() if machine.is_in_container() else ''}"
    )


@contextmanager
def _home_lock(directory: Path) -> Iterator[None]:
    """Keep other commands waiting; the system lets go of the lock when this process is killed."""
    with (directory / "home.lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write_home_record(directory: Path, record: HomeRecord) -> None:
    """Moved into place whole, since a kill may come now."""
    aside = directory / f"{RECORD_FILE}.{uuid4().hex}"
    aside.write_text(json.dumps(asdict(record)), encoding="ascii")
    aside.replace(directory / RECORD_FILE)
