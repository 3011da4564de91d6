"""An embedded registry may name files that are not in its home: those are never touched."""

from __future__ import annotations

import os

from coldpress.errors import InputError
from tasks.environment import home, home_record


def is_outside_home(location: str) -> bool:
    """Whether an embedded registry names files that are not in its home.

    Args:
        location: A URI or a path, as MLflow stores it.

    Returns:
        False for another registry: where that keeps its files is not for this machine to say.
    """
    directory = home.home_directory()
    embedded = home_record.is_home_registry(directory, os.environ.get("MLFLOW_TRACKING_URI"))
    return embedded and home_record.is_outside(directory, location)


def require_inside_home(location: str) -> None:
    """Refuse to write or delete what is not in this home.

    Args:
        location: A URI or a path, as MLflow stores it.

    Raises:
        InputError: It is another home's, or somebody's own.
    """
    if is_outside_home(location):
        directory = home.home_directory()
        raise InputError(
            f"COLDPRESS_HOME: the registry of {directory} names files outside of it, in {location}:"
            f" they are left alone; if this home was copied, delete"
            f" {directory / home_record.RECORD_FILE},"
            " and the next command adapts it"
        )
