"""Folders of shards, which a stage keeps until its result is stored: a killed run continues."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tasks.environment import home

SHARDS = "shards"
_ABANDONED_AFTER = 7 * 86_400.0
"""Seconds after which nobody continues the run."""


def shard_folder(key: str) -> Path:
    """Return the folder of a stage, created if it does not exist.

    Args:
        key: The stage's cache key.
    """
    folder = home.ensure_home() / SHARDS / key
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def remove_shards(key: str) -> None:
    """Delete the folder of a stage, if there is one."""
    shutil.rmtree(home.home_directory() / SHARDS / key, ignore_errors=True)


def list_shards() -> list[Path]:
    """Return the folders that stages have left; their names are cache keys."""
    return sorted((home.home_directory() / SHARDS).glob("*"))


def is_abandoned(folder: Path) -> bool:
    """Return whether nothing in a folder has changed for a week."""
    changed = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    return time.time() - changed > _ABANDONED_AFTER


def stored_bytes(folder: Path) -> int:
    """Return the size of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
