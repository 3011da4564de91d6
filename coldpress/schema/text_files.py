"""Read text files that other programs wrote, and name what is not plain UTF-8."""

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


def reject_lfs_pointer(start: bytes, where: str) -> None:
    """Refuse what git leaves in place of a large file that it has not fetched.

    Args:
        start: The first bytes of the file.
        where: How an error names the file.

    Raises:
        InputError: It is a pointer of git-lfs.
    """
    if start.startswith(_LFS_POINTER):
        raise InputError(
            f"{where} is a git-lfs pointer, not the file itself; fetch it with: git lfs pull"
        )


def reject_lfs_pointers(paths: list[Path], place: str) -> None:
    """Refuse files of which git-lfs has left a pointer only.

    Args:
        paths: Existing files.
        place: What an error says before the file's name.

    Raises:
        InputError: One of them is a pointer, or cannot be read.
    """
    for path in paths:
        try:
            with path.open("rb") as file:
                start = file.read(len(_LFS_POINTER))
        except OSError as error:
            raise InputError(f"{place}: {path.name} cannot be read: {error.strerror}") from error
        reject_lfs_pointer(start, f"{place}: {path.name}")


def detect_encoding(data: bytes) -> str | None:
    """Name the encoding of a file that announces another one than plain UTF-8.

    Args:
        data: The file's bytes.

    Returns:
        Its name, or None.
    """
    for name, marks in _BYTE_ORDER_MARKS.items():
        if data.startswith(marks):
            return name
    # Without a mark: every second byte of Latin text is zero. Text has no zero bytes otherwise.
    return "UTF-16 or UTF-32" if b"\0" in data[:4] else None


def read_text(path: Path, place: str) -> str:
    """Read a model's text file as transformers reads it: strictly as UTF-8.

    Args:
        path: The file.
        place: What an error says before the file's name.

    Returns:
        Its content.

    Raises:
        InputError: It cannot be read, is a pointer of git-lfs, or is in another encoding.
    """
    where = f"{place}: {path.name}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{where} cannot be read: {error}") from error
    reject_lfs_pointer(data, where)
    encoding = detect_encoding(data)
    if encoding is not None:
        raise InputError(f"{where} is {encoding}; save it as UTF-8 without a byte order mark")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{where} cannot be read: byte {error.start} is not UTF-8") from error


def read_json_object(path: Path, place: str) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Args:
        path: The file.
        place: What an error says before the file's name.

    Returns:
        Its content.

    Raises:
        InputError: It cannot be read or holds no object.
    """
    try:
        content = json.loads(read_text(path, place))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: {path.name} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{place}: {path.name} holds no object")
    return content
