"""The folder that `coldpress pull` writes: a deployable model outside of a registry."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from coldpress.errors import CorruptCheckpointError, InputError

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


def verify_files(folder: Path) -> list[str]:
    """Compare the files of a folder with the digests that were written when it was pulled.

    The card is not compared: it lacks the license and the language, which a user adds.

    Args:
        folder: With `SHA256SUMS`.

    Returns:
        The names of the files that were pulled, sorted; the folder may contain others.

    Raises:
        CorruptCheckpointError: A file is missing or was changed; it is named.
    """
    lines = (folder / CHECKSUM_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    names = []
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise CorruptCheckpointError(f"{folder / CHECKSUM_FILE}: line {number} is invalid")
        digest, name = match.groups()
        if not (folder / name).is_file():
            raise CorruptCheckpointError(f"{folder / name} is missing")
        if name != CARD_FILE and _digest(folder / name) != digest:
            raise CorruptCheckpointError(f"{folder / name} is not the file that was pulled")
        names.append(name)
    return sorted(names)


def list_checksums(folder: Path, names: Iterable[str]) -> str:
    """Return the digests of files in a folder, in the format of `sha256sum --check`."""
    return "".join(f"{_digest(folder / name)}  {name}\n" for name in sorted(names))


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
