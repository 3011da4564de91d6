"""Logits of an exported file on encoded rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from coldpress.data.encoding import Batch, EncodedSplit
from coldpress.onnx.predictor import Predictor

Logits = NDArray[np.floating[Any]]
_BATCH_SIZE = 64


def raw_logits(predictor: Predictor, rows: EncodedSplit) -> Logits:
    """Run the graph on every row, without padding, as the predictor answers.

    Args:
        predictor: The exported model.
        rows: Encoded by the model's tokenizer.

    Returns:
        Shape (units, labels), not divided by the predictor's temperature; 0 for units that the
        model does not see.
    """
    logits = np.zeros((rows.unit_count, predictor.output_size), dtype=np.float32)
    for batch in rows.batches(_BATCH_SIZE):
        logits[batch.units] = run_batch(predictor, batch)
    return logits


def decision_outputs(predictor: Predictor, rows: EncodedSplit) -> Logits:
    """Return the outputs from which a model's predictions follow, as `predict` decides.

    Args:
        predictor: The exported model.
        rows: Encoded by the model's tokenizer.

    Returns:
        Logits divided by the temperature; if each label has a threshold, minus these: margins, see
        `coldpress.kinds.thresholds`. Shape (units, labels).
    """
    return calibrate(predictor, raw_logits(predictor, rows))


def calibrate(predictor: Predictor, logits: Logits) -> Logits:
    """Divide logits by a model's temperature; subtract the thresholds of its labels, if any.

    Args:
        predictor: The exported model.
        logits: As the graph computes them, shape (rows, labels).
    """
    scaled = logits / predictor.temperature
    thresholds = logit_thresholds(predictor)
    return scaled if thresholds is None else scaled - thresholds


def logit_thresholds(predictor: Predictor) -> NDArray[np.float64] | None:
    """Return the thresholds of a model's labels as logits, shape (labels,).

    Args:
        predictor: The exported model.

    Returns:
        Not infinite, even for probabilities of 0 and 1; None if its labels have no thresholds.
    """
    if predictor.activation != "sigmoid":
        return None
    least = np.finfo(np.float64).eps
    return np.asarray(logit(np.clip(predictor.thresholds, least, 1 - least)))


def run_batch(predictor: Predictor, batch: Batch) -> Logits:
    """Run the graph on the rows of a batch, without padding.

    Args:
        predictor: The exported model.
        batch: Arrays of shape (batch, tokens).

    Returns:
        Shape (units, labels), not divided by the predictor's temperature.
    """
    logits = predictor.logits(batch.input_ids, batch.attention_mask, batch.token_type_ids)
    return batch.select_units(logits)
