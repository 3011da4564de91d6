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

FILE, DATABASE = "home.json", "mlflow.db"


@dataclass(frozen=True)
class Record:
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


def read(directory: Path) -> Record | None:
    """Read what a home says of itself.

    Args:
        directory: The home.

    Returns:
        None where it says nothing that can be read.
    """
    try:
        return Record(**json.loads((directory / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@cache
def settle(directory: Path) -> None:
    """Have a home's registry name this home's files; looked at once a process.

    Args:
        directory: The home, absolute; it exists.

    Raises:
        InputError: It came from elsewhere and cannot be adapted.
    """
    if _is_settled(directory):
        return
    try:
        with _alone(directory):
            if not _is_settled(directory):
                _write(directory, _adapted(directory))
    except (OSError, sqlite3.Error) as error:
        foreign = _foreign(directory, read(directory))
        if foreign:
            raise InputError(
                f"COLDPRESS_HOME: the registry of {directory} names files of {foreign[0]} and"
                f" cannot be adapted: {error}"
            ) from error


def holds(directory: Path, registry: str | None) -> bool:
    """Whether a registry is a home's own, however its address is spelt.

    Args:
        directory: The home.
        registry: What MLflow is pointed at.

    Returns:
        False for a server, or another file.
    """
    scheme, _, path = (registry or "").partition(":///")
    return scheme == "sqlite" and Path(path).resolve() == (directory / DATABASE).resolve()


def is_outside(directory: Path, location: str) -> bool:
    """Whether files are on this machine, and not in a home.

    Args:
        directory: The home.
        location: A URI or a path, as MLflow stores it.

    Returns:
        False for what is on a server.
    """
    path = relocation.path_of(location)
    if path is None:
        return "://" not in location and not location.startswith("mlflow-artifacts:")
    inside = [directory.resolve(), (directory / "artifacts").resolve(), place(directory)]
    return not any(path.resolve().is_relative_to(folder) for folder in inside)


def place(directory: Path) -> Path:
    """Return the path of a home that its registry names: it may be mounted at another one too."""
    record = read(directory)
    return Path(record.path) if record and _is_same(record, directory) else directory


def _is_settled(directory: Path) -> bool:
    record = read(directory)
    return record is not None and (record.path == str(directory) or _is_same(record, directory))


def _is_same(record: Record, directory: Path) -> bool:
    """Whether the recorded path leads here: through a link, or a second mount."""
    with suppress(OSError):
        return Path(record.path).samefile(directory)
    return False


def _foreign(directory: Path, record: Record | None) -> list[Path]:
    """The homes whose files the registry may name, other than this one."""
    database = directory / DATABASE
    found = {Path(record.path)} if record else set[Path]()
    if database.exists():
        found.update(relocation.origins(database))
    return sorted(home for home in found if not _leads_to(home, directory))


def _leads_to(home: Path, directory: Path) -> bool:
    with suppress(OSError):
        return home.samefile(directory)
    return home == directory


def _adapted(directory: Path) -> Record:
    """Make all locations this home's; nothing is to be done in a home that is new."""
    record, database = read(directory), directory / DATABASE
    foreign = _foreign(directory, record)
    if foreign and database.exists():
        _check_unshared(directory, foreign)
        if record is None or record.inode == directory.stat().st_ino:
            _check_moved(directory, record)
        relocation.rewrite(database, foreign, directory)
        logging.getLogger(__name__).warning(
            "%s came from %s: its registry names its own files now", directory, foreign[0]
        )
    moved = record is not None and not _has_id(Path(record.path), record.id)
    return Record(
        id=record.id if record is not None and moved else uuid4().hex,
        path=str(directory),
        inode=directory.stat().st_ino,
        view=_view(),
    )


def _has_id(home: Path, identity: str) -> bool:
    """Whether a home is still there."""
    record = read(home)
    return record is not None and record.id == identity


def _check_unshared(directory: Path, foreign: list[Path]) -> None:
    """Of a copy made of links, the files are the original's still."""
    for home in foreign:
        for name in (DATABASE, "artifacts"):
            theirs, own = home / name, directory / name
            if theirs.exists() and own.exists() and theirs.samefile(own):
                raise InputError(
                    f"COLDPRESS_HOME: {own} is the same as {theirs}: put a copy in its place"
                )


def _check_moved(directory: Path, record: Record | None) -> None:
    """A home that is only seen under another path here may be in use under the first one."""
    if record is not None and record.view != _view():
        raise InputError(
            f"COLDPRESS_HOME: {directory} was made as {record.path}, and may be in use there from"
            f" another machine or container: mount it at {record.path}; or, if it was moved for"
            f" good, delete {directory / FILE}, and the next command adapts it"
        )
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and str(directory / DATABASE) in (
                file.path for file in process.open_files()
            ):
                raise InputError(
                    f"COLDPRESS_HOME: {directory} was moved while process {process.pid} has its"
                    " registry open; end that process first"
                )


def _view() -> str:
    """Outside of containers all processes of a machine see the same paths, or nearly so."""
    return f"{machine.machine()}:{machine.mount_namespace() if machine.is_in_container() else ''}"


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep other commands waiting; the system lets go of the lock when this process is killed."""
    with (directory / "home.lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(directory: Path, record: Record) -> None:
    """Moved into place whole, since a kill may come now."""
    aside = directory / f"{FILE}.{uuid4().hex}"
    aside.write_text(json.dumps(asdict(record)), encoding="ascii")
    aside.replace(directory / FILE)
