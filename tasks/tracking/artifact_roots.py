"""Protect files outside the home that an embedded registry refers to."""

from __future__ import annotations

import os

from coldpress.errors import InputError
from tasks.environment import home, home_record


def is_outside_home(location: str) -> bool:
    """True if an embedded registry refers to files outside its home.

    Args:
        location: A URI or a path, as MLflow stores it.

    Returns:
        Always False for a tracking server: its artifact root is not on this machine.
    """
    directory = home.home_directory()
    embedded = home_record.is_home_registry(directory, os.environ.get("MLFLOW_TRACKING_URI"))
    return embedded and home_record.is_outside(directory, location)


def require_inside_home(location: str) -> None:
    """Refuse to write or delete files outside this home.

    Args:
        location: A URI or a path, as MLflow stores it.

    Raises:
        InputError: The location is outside the home.
    """
    if is_outside_home(location):
        directory = home.home_directory()
        raise InputError(
            f"COLDPRESS_HOME: the registry of {directory} names files outside of it, in"
            f" {location}: they are left alone; if this home was copied, delete"
            f" {directory / home_record.RECORD_FILE}, and the next command adapts it"
        )
