"""Flips: test samples that the teacher predicts well and the final model does not."""

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
from coldpress.kinds.entity_texts import describe_entities
from coldpress.kinds.kind import Outputs

MIN_LOSS = 0.25
"""Smallest loss in the sample score that makes a flip; a classifier loses 1 or nothing."""

_FILE = "flips.json"
_FLIPS = TypeAdapter(tuple[Flip, ...])


def find_flips(predictions: Predictions, test: Split) -> tuple[Flip, ...]:
    """List the samples that were lost between the teacher and the final model.

    After Hooker et al., "What Do Compressed Deep Neural Networks Forget?", 2019, who call them
    compression identified exemplars. A sample is lost if its score is lower than the teacher's by
    more than a quarter: for a classifier, if it is wrong and the teacher is right. It is lost at
    the first model from which on all models have lost it.

    Args:
        predictions: From the teacher to the final model.
        test: The rows that were predicted.

    Returns:
        One record per lost sample, in the order of the samples.
    """
    kind = predictions.kind
    lost = _lost_samples(predictions)  # (models, samples)
    lost_at = _lost_at(list(predictions.outputs), lost)
    outputs = predictions.outputs[predictions.final].astype(np.float64)
    scores = kind.confidence(outputs)
    samples = kind.split_samples(test)
    targets, answers = _describe(predictions, outputs, samples)
    return tuple(
        Flip(
            id=samples.ids[sample],
            text=samples.texts[sample],
            text_pair=None if samples.pairs is None else samples.pairs[sample],
            label=targets[sample],
            answer=answers[sample],
            score=None if scores is None else float(scores[sample]),
            lost_at=lost_at[sample],
        )
        for sample in np.flatnonzero(lost[-1]).tolist()
    )


def _describe(
    predictions: Predictions, outputs: Outputs, samples: Split
) -> tuple[list[str], list[str]]:
    """Return targets and predictions of all samples as text."""
    if samples.words is None:
        kind = predictions.kind
        answers = kind.prediction_texts(outputs, predictions.targets, predictions.names)
        return predictions.target_texts, answers
    sides = (predictions.targets, predictions.predicted_targets(outputs))
    targets, answers = (describe_entities(samples, side, predictions.names) for side in sides)
    return targets, answers


def flip_table(flips: tuple[Flip, ...]) -> list[dict[str, Any]]:
    """Return flips as flat rows with the field names of the record."""
    return [flip.model_dump() for flip in flips]


def write_flips(flips: tuple[Flip, ...], directory: Path) -> None:
    """Write flips into the directory of a checkpoint that is being written."""
    (directory / _FILE).write_bytes(_FLIPS.dump_json(flips, indent=2))


def read_flips(directory: Path) -> tuple[Flip, ...]:
    """Read the flips of an evaluation checkpoint."""
    return _FLIPS.validate_json((directory / _FILE).read_bytes())


def _lost_samples(predictions: Predictions) -> NDArray[np.bool_]:
    """Return whether each model has lost each sample, shape (models, samples)."""
    teacher = predictions.sample_scores(predictions.teacher)
    losses = [teacher - predictions.sample_scores(name) for name in predictions.outputs]
    return np.stack(losses) > MIN_LOSS


def _lost_at(names: Sequence[str], lost: NDArray[np.bool_]) -> list[str]:
    """Name the first model per sample from which on all have lost it; the last one if none has."""
    kept_later = np.cumsum(~lost[::-1], axis=0) > 0  # from the last model backwards
    lost_at_the_end = (~kept_later).sum(axis=0)
    return [names[min(len(names) - count, len(names) - 1)] for count in lost_at_the_end]
