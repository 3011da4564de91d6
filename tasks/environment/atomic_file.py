"""Small files that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4


def write_text_atomic(path: Path, text: str) -> None:
    """Write a text file next to its destination, then rename it.

    Args:
        path: Replaced if it exists. A kill leaves it as it was, and at most a file beside it.
        text: The content.
    """
    temporary = path.with_name(f"{path.name}.{uuid4().hex}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
