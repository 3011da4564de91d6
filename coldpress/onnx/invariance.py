"""Does the answer to a text depend on what is asked beside it: batch, padding, threads."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from coldpress.data.encoding import EncodedSplit
from coldpress.evaluation.scorecard.serving import Invariance, PredictionChange
from coldpress.onnx.inference import Logits, evenly_spaced_rows, run_batch
from coldpress.onnx.predictor import Predictor

_MAX_ROWS = 256
_BATCH_SIZE = 32


def measure_invariance(directory: Path, rows: EncodedSplit) -> Invariance:
    """Answer the same texts alone on one thread, and in three other ways.

    Args:
        directory: `model.onnx` and `tokenizer.json`.
        rows: As its tokenizer reads them; at most 256 are asked, spread evenly.

    Returns:
        The largest change of a raw logit, and the share of labels that change, for each way.
    """
    chosen = evenly_spaced_rows(len(rows), _MAX_ROWS)
    one, all_threads = Predictor(directory, 1), Predictor(directory, max(2, os.cpu_count() or 1))
    alone = _logits_one_by_one(one, rows, chosen)
    return Invariance(
        rows=len(chosen),
        batch=_change(alone, _logits_in_batches(one, rows, chosen)),
        padding=_change(alone, _logits_padded(one, rows, chosen)),
        threads=_change(alone, _logits_one_by_one(all_threads, rows, chosen)),
    )


def _logits_one_by_one(predictor: Predictor, rows: EncodedSplit, chosen: list[int]) -> Logits:
    return np.concatenate([run_batch(predictor, rows.batch([row])) for row in chosen])


def _logits_in_batches(predictor: Predictor, rows: EncodedSplit, chosen: list[int]) -> Logits:
    """Deal the texts out by length, so that each batch has short ones and long ones."""
    by_length = sorted(range(len(chosen)), key=lambda place: _count_tokens(rows, chosen[place]))
    batches = -(-len(chosen) // _BATCH_SIZE)
    given = np.empty((len(chosen), len(predictor.labels)), dtype=np.float32)
    for first in range(batches):
        places = by_length[first::batches]
        given[places] = run_batch(predictor, rows.batch([chosen[place] for place in places]))
    return given


def _logits_padded(predictor: Predictor, rows: EncodedSplit, chosen: list[int]) -> Logits:
    """Pad each text to the longest one, and take the longest one out again."""
    longest = max(chosen, key=lambda row: _count_tokens(rows, row))
    batches = [rows.batch([row, longest]) for row in chosen]
    return np.concatenate(
        [
            predictor.logits(b.input_ids[:1], b.attention_mask[:1], b.token_type_ids[:1])
            for b in batches
        ]
    )


def _count_tokens(rows: EncodedSplit, row: int) -> int:
    return len(rows.input_ids[row])


def _change(alone: Logits, otherwise: Logits) -> PredictionChange:
    return PredictionChange(
        largest_logit=float(np.abs(otherwise - alone).max()),
        labels=float((otherwise.argmax(axis=1) != alone.argmax(axis=1)).mean()),
    )
