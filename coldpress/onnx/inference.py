"""Logits of an exported file on encoded rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldpress.data.encoding import Batch, EncodedSplit
from coldpress.onnx.predictor import Predictor

Logits = NDArray[np.floating[Any]]
_BATCH_SIZE = 64


def raw_logits(predictor: Predictor, rows: EncodedSplit) -> Logits:
    """Run the graph on every row, in padded batches of similar length.

    Args:
        predictor: The exported model.
        rows: Encoded by the model's tokenizer.

    Returns:
        Shape (units, labels), not divided by the temperature; 0 for units that the model does not
        see.
    """
    logits = np.zeros((rows.unit_count, len(predictor.labels)), dtype=np.float32)
    for batch in rows.batches(_BATCH_SIZE):
        logits[batch.units] = run_batch(predictor, batch)
    return logits


def calibrated_logits(predictor: Predictor, rows: EncodedSplit) -> Logits:
    """Return `raw_logits` divided by the model's temperature, as `predict` does.

    Args:
        predictor: The exported model.
        rows: Encoded by the model's tokenizer.

    Returns:
        Shape (units, labels).
    """
    return raw_logits(predictor, rows) / predictor.temperature


def run_batch(predictor: Predictor, batch: Batch) -> Logits:
    """Run the graph on one padded batch.

    Args:
        predictor: The exported model.
        batch: Arrays of shape (batch, tokens).

    Returns:
        Shape (units, labels), not divided by the temperature.
    """
    logits = predictor.logits(batch.input_ids, batch.attention_mask, batch.token_type_ids)
    return batch.select_units(logits)
