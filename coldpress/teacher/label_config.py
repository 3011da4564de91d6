"""What a teacher's config.json says of its labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coldpress.errors import InputError

_MAX_LABELS = 1_000_000


def label_name(value: object) -> str:
    """Write a label's name as text: numbers and truth values as JSON writes them.

    Args:
        value: Text, a number, or true or false.

    Returns:
        Its name.
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def label_names(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the labels of a teacher's head, in the order of its logits.

    Args:
        config: The checked content of config.json.

    Returns:
        What id2label names; without it LABEL_0, LABEL_1 and so on, as transformers does.
    """
    names = config.get("id2label")
    if names is None:
        return tuple(f"LABEL_{i}" for i in range(config.get("num_labels") or 2))
    return tuple(label_name(names[str(i)]) for i in range(len(names)))


def check_label_names(config: Mapping[str, Any], place: str) -> None:
    """Check that id2label names one label after the other.

    Args:
        config: The content of config.json.
        place: How an error names the teacher.

    Raises:
        InputError: It does not, or has a name that is no text.
    """
    labels = config.get("id2label")
    if labels is None:
        return
    wanted = {str(i) for i in range(len(labels))} if isinstance(labels, dict) else None
    if not isinstance(labels, dict) or set(labels) != wanted:
        raise InputError(f"{place}: id2label does not name the labels 0, 1, 2 and so on")
    if any(not isinstance(name, str | int | float) for name in labels.values()):
        raise InputError(f"{place}: id2label has a name that is no text")


def check_label_count(config: Mapping[str, Any], place: str) -> None:
    """Check that num_labels, where it is set, is the number of names.

    Args:
        config: The content of config.json; num_labels is a positive whole number.
        place: How an error names the teacher.

    Raises:
        InputError: It is another number, or too large a one.
    """
    names, number = config.get("id2label"), config.get("num_labels")
    if number is not None and number > _MAX_LABELS:
        raise InputError(f"{place}: num_labels is {number}, more than {_MAX_LABELS}")
    if names is not None and number is not None and len(names) != number:
        raise InputError(
            f"{place}: num_labels is {number}, but id2label names {len(names)}; remove one of them"
        )
