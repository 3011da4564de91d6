"""Does the answer to a text depend on what is asked beside it: batch, padding, threads."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from coldpress.data.encoding import Encoded
from coldpress.evaluation.scorecard.serving import Change, Invariance
from coldpress.onnx.inference import Logits, run, spread
from coldpress.onnx.predictor import Predictor

_MOST_ROWS = 256
_BATCH_SIZE = 32


def invariance(directory: Path, rows: Encoded) -> Invariance:
    """Answer the same texts alone on one thread, and in three other ways.

    Args:
        directory: `model.onnx` and `tokenizer.json`.
        rows: As its tokenizer reads them; at most 256 are asked, spread evenly.

    Returns:
        The largest change of a raw logit, and the share of labels that change, for each way.
    """
    chosen = spread(len(rows), _MOST_ROWS)
    one, all_threads = Predictor(directory, 1), Predictor(directory, max(2, os.cpu_count() or 1))
    alone = _alone(one, rows, chosen)
    return Invariance(
        rows=len(chosen),
        batch=_change(alone, _in_batches(one, rows, chosen)),
        padding=_change(alone, _padded(one, rows, chosen)),
        threads=_change(alone, _alone(all_threads, rows, chosen)),
    )


def _alone(predictor: Predictor, rows: Encoded, chosen: list[int]) -> Logits:
    return np.concatenate([run(predictor, rows.batch([row])) for row in chosen])


def _in_batches(predictor: Predictor, rows: Encoded, chosen: list[int]) -> Logits:
    """Deal the texts out by length, so that each batch has short ones and long ones."""
    by_length = sorted(range(len(chosen)), key=lambda place: _tokens(rows, chosen[place]))
    batches = -(-len(chosen) // _BATCH_SIZE)
    given = np.empty((len(chosen), len(predictor.labels)), dtype=np.float32)
    for first in range(batches):
        places = by_length[first::batches]
        given[places] = run(predictor, rows.batch([chosen[place] for place in places]))
    return given


def _padded(predictor: Predictor, rows: Encoded, chosen: list[int]) -> Logits:
    """Pad each text to the longest one, and take the longest one out again."""
    longest = max(chosen, key=lambda row: _tokens(rows, row))
    batches = [rows.batch([row, longest]) for row in chosen]
    return np.concatenate(
        [
            predictor.logits(b.input_ids[:1], b.attention_mask[:1], b.token_type_ids[:1])
            for b in batches
        ]
    )


def _tokens(rows: Encoded, row: int) -> int:
    return len(rows.input_ids[row])


def _change(alone: Logits, otherwise: Logits) -> Change:
    return Change(
        largest_logit=float(np.abs(otherwise - alone).max()),
        labels=float((otherwise.argmax(axis=1) != alone.argmax(axis=1)).mean()),
    )
