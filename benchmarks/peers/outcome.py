"""Time to build a Coldpress model, from the outcome of its run."""

from __future__ import annotations

import json
from pathlib import Path

from coldpress.errors import InputError

OUTSIDE = frozenset({"train_teacher", "evaluate"})
"""Every library gets the teacher, and none is charged for its evaluation."""


def build_seconds(file: Path) -> float | None:
    """Add up the seconds of the stages between teacher and evaluation.

    Args:
        file: Written by `coldpress run --json`.

    Returns:
        None if a stage was reused, since it then took no time.

    Raises:
        InputError: The file is not an outcome.
    """
    try:
        stages = json.loads(file.read_text(encoding="utf-8"))["stages"]
        made = [stage for stage in stages if stage["stage"] not in OUTSIDE]
        if any(stage["status"] == "reused" for stage in made):
            return None
        return float(sum(stage["seconds"] or 0.0 for stage in made))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"--coldpress: {file} is no outcome of `coldpress run --json`") from error
