"""Flips: test rows that the teacher predicts well and the final model does not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from coldpress.data.splits import Split
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.flip import Flip

MIN_LOSS = 0.25
"""Smallest loss in the row score that makes a row a flip; a classifier loses 1 or nothing."""

_FILE = "flips.json"
_FLIPS = TypeAdapter(tuple[Flip, ...])


def find_flips(predictions: Predictions, test: Split) -> tuple[Flip, ...]:
    """List the rows that were lost between the teacher and the final model.

    After Hooker et al., "What Do Compressed Deep Neural Networks Forget?", 2019, who call them
    compression identified exemplars. A row is lost if its row score is lower than the teacher's by
    more than a quarter: for a classifier, if it is wrong and the teacher is right. It is lost at
    the first model from which on all models have lost it.

    Args:
        predictions: From the teacher to the final model.
        test: The rows that were predicted.

    Returns:
        One record per lost row, in the order of the rows.
    """
    lost = _lost_rows(predictions)  # (models, rows)
    rows = np.flatnonzero(lost[-1])
    lost_at = _lost_at(list(predictions.outputs), lost)
    outputs = predictions.outputs[predictions.final].astype(np.float64)
    answers = predictions.kind.prediction_texts(outputs, predictions.names)
    scores = predictions.kind.confidence(outputs)
    targets = predictions.target_texts
    return tuple(
        Flip(
            id=test.ids[row],
            text=test.texts[row],
            text_pair=None if test.pairs is None else test.pairs[row],
            label=targets[row],
            answer=answers[row],
            score=None if scores is None else float(scores[row]),
            lost_at=lost_at[row],
        )
        for row in rows
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


def _lost_rows(predictions: Predictions) -> NDArray[np.bool_]:
    """Return whether each model has lost each row, shape (models, rows)."""
    teacher = predictions.row_scores(predictions.teacher)
    losses = [teacher - predictions.row_scores(name) for name in predictions.outputs]
    return np.stack(losses) > MIN_LOSS


def _lost_at(names: Sequence[str], lost: NDArray[np.bool_]) -> list[str]:
    """Name the first model per row from which on all have lost it; the last one if none has."""
    kept_later = np.cumsum(~lost[::-1], axis=0) > 0  # from the last model backwards
    lost_at_the_end = (~kept_later).sum(axis=0)
    return [names[min(len(names) - count, len(names) - 1)] for count in lost_at_the_end]
