"""Text from users inside of Markdown."""

from __future__ import annotations

import html
import re


def escape_markdown(data: str) -> str:
    """Return Markdown that shows a text as it is, on one line: nothing in it becomes markup.

    Args:
        data: Whatever a user wrote, such as a class's name.

    Returns:
        HTML's signs and the dollars of formulas as entities, which every dialect knows; Markdown's
        own signs behind a backslash.
    """
    one_line = html.escape(" ".join(data.split()), quote=False)
    return re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", one_line).replace("$", "&#36;")
