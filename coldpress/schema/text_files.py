"""Reading of text files from other programs, with checks of their encoding."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

from coldpress.errors import InputError

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_BYTE_ORDER_MARKS = {
    # UTF-32 comes first: its mark begins with that of UTF-16.
    "UTF-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "UTF-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "UTF-8 with a byte order mark": (codecs.BOM_UTF8,),
}


def reject_lfs_pointer(start: bytes, location: str) -> None:
    """Refuse a git-lfs pointer, which stands in for a large file that was not fetched.

    Args:
        start: The first bytes of the file.
        location: Name of the file in the error.

    Raises:
        InputError: The file is a git-lfs pointer.
    """
    if start.startswith(_LFS_POINTER):
        raise InputError(
            f"{location} is a git-lfs pointer, not the file itself; fetch it with: git lfs pull"
        )


def reject_lfs_pointers(paths: list[Path], location: str) -> None:
    """Refuse files that are git-lfs pointers.

    Args:
        paths: Existing files.
        location: Prefix of the error, before the file's name.

    Raises:
        InputError: A file is a pointer or cannot be read.
    """
    for path in paths:
        try:
            with path.open("rb") as file:
                start = file.read(len(_LFS_POINTER))
        except OSError as error:
            raise InputError(f"{location}: {path.name} cannot be read: {error.strerror}") from error
        reject_lfs_pointer(start, f"{location}: {path.name}")


def detect_encoding(data: bytes) -> str | None:
    """Return the name of an encoding other than plain UTF-8, or None.

    Args:
        data: The file's bytes; the first four decide.
    """
    for name, marks in _BYTE_ORDER_MARKS.items():
        if data.startswith(marks):
            return name
    # Without a mark, every second byte of Latin text is zero; UTF-8 text has no zero bytes.
    return "UTF-16 or UTF-32" if b"\0" in data[:4] else None


def read_text(path: Path, location: str) -> str:
    """Read a text file of a model, strictly as UTF-8 like transformers.

    Args:
        path: The file.
        location: Prefix of the error, before the file's name.

    Raises:
        InputError: The file cannot be read, is a git-lfs pointer, or has another encoding.
    """
    name = f"{location}: {path.name}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error}") from error
    reject_lfs_pointer(data, name)
    encoding = detect_encoding(data)
    if encoding is not None:
        raise InputError(f"{name} is {encoding}; save it as UTF-8 without a byte order mark")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{name} cannot be read: byte {error.start} is not UTF-8") from error


def read_json_object(path: Path, location: str) -> dict[str, Any]:
    """Read a JSON file whose content must be an object.

    Args:
        path: The file.
        location: Prefix of the error, before the file's name.

    Raises:
        InputError: The file cannot be read or does not contain a JSON object.
    """
    try:
        content = json.loads(read_text(path, location))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{location}: {path.name} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{location}: {path.name} is not a JSON object")
    return content
