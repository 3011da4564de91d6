"""What compression lost: test rows that the teacher answers rightly and the final model wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from scipy.special import softmax

from coldpress.data.splits import Split
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Flip

_FILE = "flips.json"
_FLIPS = TypeAdapter(tuple[Flip, ...])


def find_flips(answers: Predictions, test: Split) -> tuple[Flip, ...]:
    """List the rows that were lost between the teacher and the final model.

    After Hooker et al., "What Do Compressed Deep Neural Networks Forget?", 2019, who call them
    compression identified exemplars. Where a row was lost is the first model from which on all are
    wrong: one that is wrong in between and recovers has lost nothing.

    Args:
        answers: From the teacher to the final model.
        test: The rows that they answered.

    Returns:
        One record a lost row, in the order of the rows.
    """
    lost = answers.correct(answers.teacher) & ~answers.correct(answers.final)
    lost_at = _lost_at(answers)
    logits = answers.logits[answers.final].astype(np.float64)
    given, scores = logits.argmax(axis=1), softmax(logits, axis=1).max(axis=1)
    return tuple(
        Flip(
            id=test.ids[row],
            text=test.texts[row],
            text_pair=None if test.pairs is None else test.pairs[row],
            label=answers.label_names[answers.labels[row]],
            answer=answers.label_names[given[row]],
            score=float(scores[row]),
            lost_at=lost_at[row],
        )
        for row in np.flatnonzero(lost)
    )


def flip_table(lost: tuple[Flip, ...]) -> list[dict[str, Any]]:
    """Return flips as flat rows.

    Args:
        lost: What `flips` returned.

    Returns:
        One mapping a flip, with the record's field names.
    """
    return [flip.model_dump() for flip in lost]


def write_flips(lost: tuple[Flip, ...], directory: Path) -> None:
    """Put flips into a checkpoint that is being written.

    Args:
        lost: What `flips` returned.
        directory: What `checkpoint.writing` yielded.
    """
    (directory / _FILE).write_bytes(_FLIPS.dump_json(lost, indent=2))


def read_flips(directory: Path) -> tuple[Flip, ...]:
    """Read flips back.

    Args:
        directory: An opened evaluation checkpoint's.

    Returns:
        What was written.
    """
    return _FLIPS.validate_json((directory / _FILE).read_bytes())


def _lost_at(answers: Predictions) -> list[str]:
    """Name, row by row, the first model from which on none is right; the last where all are."""
    names = list(answers.logits)
    right = np.stack([answers.correct(name) for name in names])  # (models, rows)
    right_to_the_end = np.cumsum(right[::-1], axis=0) > 0  # from the last model backwards
    wrong_at_the_end = (~right_to_the_end).sum(axis=0)
    return [names[min(len(names) - count, len(names) - 1)] for count in wrong_at_the_end]
