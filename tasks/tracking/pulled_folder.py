"""The folder that `coldpress pull` writes: a deployable model outside of a registry."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from coldpress.errors import InputError

CHECKSUM_FILE = "SHA256SUMS"
CARD_FILE = "README.md"
_LINE = re.compile(r"([0-9a-f]{64})  ([^/\n]+)")
"""Digest and name; a name alone, so that no file outside of the folder is read."""


def find_folder(model: str) -> Path | None:
    """Return the folder that a user means; it comes before a registered model of that name.

    Args:
        model: A path, or a reference such as `trec@champion`.

    Returns:
        The folder, or None if there is no folder with a `model.onnx`.
    """
    try:
        return Path(model) if (Path(model) / "model.onnx").is_file() else None
    except OSError:
        return None  # too long for a path, or not readable


def require_checksums(folder: Path) -> None:
    """Check that the files of a folder can be verified.

    Args:
        folder: As the user wrote it.

    Raises:
        InputError: It has no `SHA256SUMS`.
    """
    if not (folder / CHECKSUM_FILE).is_file():
        raise InputError(f"{folder}: has no {CHECKSUM_FILE}; coldpress pull writes it")


def list_checksums(folder: Path) -> str:
    """Return the digests of all files in a folder, in the format of `sha256sum --check`."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    return "".join(f"{_digest(path)}  {path.name}\n" for path in paths)


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
