"""Templates of generated pages, in HTML and Markdown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def load_templates(
    folder: Path, *, autoescape: bool = False, finalize: Callable[[Any], Any] | None = None
) -> Environment:
    """Return the environment of a folder's templates: undefined names are errors.

    Args:
        folder: With `*.j2`.
        autoescape: Escape values for HTML.
        finalize: Applied to each value instead, such as escaping for Markdown.
    """
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=autoescape,  # noqa: S701 - Markdown is escaped by `finalize`, or is ours
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
