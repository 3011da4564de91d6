"""What an exported file answers on rows that are read already."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldpress.data.encoding import Batch, EncodedSplit
from coldpress.onnx.predictor import Predictor

Logits = NDArray[np.floating[Any]]
_BATCH_SIZE = 64


def raw_logits(predictor: Predictor, rows: EncodedSplit) -> Logits:
    """Run the graph on every row, in padded batches of like length.

    Args:
        predictor: The exported model.
        rows: As its tokenizer reads them.

    Returns:
        Shape (rows, labels), not divided by the temperature.
    """
    given = np.empty((len(rows), len(predictor.labels)), dtype=np.float32)
    for batch in rows.batches(_BATCH_SIZE):
        given[batch.rows] = run_batch(predictor, batch)
    return given


def run_batch(predictor: Predictor, batch: Batch) -> Logits:
    """Run the graph on one padded batch.

    Args:
        predictor: The exported model.
        batch: Arrays of shape (batch, tokens).

    Returns:
        Shape (batch, labels), not divided by the temperature.
    """
    return predictor.logits(batch.input_ids, batch.attention_mask, batch.token_type_ids)


def evenly_spaced_rows(rows: int, most: int) -> list[int]:
    """Choose rows evenly over a split, the first and the last among them.

    Args:
        rows: How many there are.
        most: How many to choose at most.

    Returns:
        Row numbers, ascending.
    """
    chosen: list[int] = np.linspace(0, rows - 1, min(most, rows)).round().astype(int).tolist()
    return chosen
