"""Flips: test rows that the teacher predicts correctly and the final model wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from coldpress.data.splits import Split
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Flip

_FILE = "flips.json"
_FLIPS = TypeAdapter(tuple[Flip, ...])


def find_flips(predictions: Predictions, test: Split) -> tuple[Flip, ...]:
    """List the rows that were lost between the teacher and the final model.

    After Hooker et al., "What Do Compressed Deep Neural Networks Forget?", 2019, who call them
    compression identified exemplars. A row is lost at the first model from which on all models are
    wrong: a model that is wrong before a correct one does not count.

    Args:
        predictions: From the teacher to the final model.
        test: The rows that were predicted.

    Returns:
        One record per lost row, in the order of the rows.
    """
    is_flip = predictions.correct(predictions.teacher) & ~predictions.correct(predictions.final)
    lost_at = _lost_at(predictions)
    logits = predictions.logits[predictions.final].astype(np.float64)
    predicted = logits.argmax(axis=1)
    from scipy.special import softmax  # slow to import, and a report only reads flips

    scores = softmax(logits, axis=1).max(axis=1)
    return tuple(
        Flip(
            id=test.ids[row],
            text=test.texts[row],
            text_pair=None if test.pairs is None else test.pairs[row],
            label=predictions.label_names[predictions.labels[row]],
            answer=predictions.label_names[predicted[row]],
            score=float(scores[row]),
            lost_at=lost_at[row],
        )
        for row in np.flatnonzero(is_flip)
    )


def flip_table(flips: tuple[Flip, ...]) -> list[dict[str, Any]]:
    """Return flips as flat rows with the field names of the record."""
    return [flip.model_dump() for flip in flips]


def write_flips(flips: tuple[Flip, ...], directory: Path) -> None:
    """Write flips into the directory of a checkpoint that is being written."""
    (directory / _FILE).write_bytes(_FLIPS.dump_json(flips, indent=2))


def read_flips(directory: Path) -> tuple[Flip, ...]:
    """Read the flips of an evaluation checkpoint."""
    return _FLIPS.validate_json((directory / _FILE).read_bytes())


def _lost_at(predictions: Predictions) -> list[str]:
    """Name the first model per row from which on all are wrong; the last one if none is."""
    names = list(predictions.logits)
    correct = np.stack([predictions.correct(name) for name in names])  # (models, rows)
    correct_later = np.cumsum(correct[::-1], axis=0) > 0  # from the last model backwards
    wrong_at_the_end = (~correct_later).sum(axis=0)
    return [names[min(len(names) - count, len(names) - 1)] for count in wrong_at_the_end]
