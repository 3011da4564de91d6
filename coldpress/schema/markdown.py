"""Escaping of user text in Markdown."""

from __future__ import annotations

import html
import re


def escape_markdown(text: str) -> str:
    """Return one line of Markdown that shows a text literally.

    HTML characters and the dollar sign of formulas become entities, which every dialect supports;
    Markdown's own characters are escaped by a backslash.

    Args:
        text: Text from a user, such as a label name.
    """
    one_line = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", one_line).replace("$", "&#36;")
