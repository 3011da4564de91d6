"""Label names in a teacher's config.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coldpress.errors import InputError

_MAX_LABELS = 1_000_000


def label_name(value: object) -> str:
    """Convert a label's name to text, with booleans as in JSON: `true`, `false`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def label_names(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a teacher's label names in the order of its logits.

    Args:
        config: The checked content of config.json.

    Returns:
        The names in id2label; without it LABEL_0, LABEL_1 and so on, as in transformers.
    """
    names = config.get("id2label")
    if names is None:
        return tuple(f"LABEL_{i}" for i in range(config.get("num_labels") or 2))
    return tuple(label_name(names[str(i)]) for i in range(len(names)))


def check_label_names(config: Mapping[str, Any], place: str) -> None:
    """Check that id2label maps 0, 1, 2 and so on to names.

    Args:
        config: The content of config.json.
        place: The teacher's name in error messages.

    Raises:
        InputError: A number is missing, or a name is not text.
    """
    labels = config.get("id2label")
    if labels is None:
        return
    if not isinstance(labels, dict) or set(labels) != {str(i) for i in range(len(labels))}:
        raise InputError(f"{place}: id2label does not name the labels 0, 1, 2 and so on")
    if any(not isinstance(name, str | int | float) for name in labels.values()):
        raise InputError(f"{place}: id2label has a name that is not text")


def check_label_count(config: Mapping[str, Any], place: str) -> None:
    """Check that num_labels, if it is set, is the number of names in id2label.

    Args:
        config: The content of config.json; num_labels is a positive whole number.
        place: The teacher's name in error messages.

    Raises:
        InputError: The numbers differ, or num_labels is too large.
    """
    names = config.get("id2label")
    count = config.get("num_labels")
    if count is not None and count > _MAX_LABELS:
        raise InputError(f"{place}: num_labels is {count}, more than {_MAX_LABELS}")
    if names is not None and count is not None and len(names) != count:
        raise InputError(
            f"{place}: num_labels is {count}, but id2label names {len(names)}; remove one of them"
        )
