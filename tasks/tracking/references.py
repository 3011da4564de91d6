"""References to model versions: `name`, `name@alias` and `name/version`."""

from __future__ import annotations

from collections.abc import Mapping

AUDIT_SUFFIX = "-audit"
"""Suffix of a registered model whose versions are the audit records of another one."""
LOGGED_MODEL = "models:/m-"
"""Start of the source of a version that a stage registered."""


def split_reference(reference: str) -> tuple[str, str, str]:
    """Split a reference into the name, its mark (`@`, `/` or none), and the alias or version."""
    for mark in "@/":
        name, separator, selector = reference.partition(mark)
        if separator:
            return name, mark, selector
    return reference, "", ""


def is_own(tags: Mapping[str, str], source: str | None) -> bool:
    """True if a stage of Coldpress registered a version, and not another tool.

    Args:
        tags: The version's tags.
        source: The version's source.
    """
    return "digest" in tags and str(source).startswith(LOGGED_MODEL)
