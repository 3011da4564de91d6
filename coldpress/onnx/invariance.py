"""Invariance of an exported model's logits to batch, padding and threads."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from coldpress.data.encoding import EncodedSplit
from coldpress.data.sampling import evenly_spaced_rows
from coldpress.evaluation.scorecard.serving import Invariance, PredictionChange
from coldpress.kinds import task_kind
from coldpress.kinds.kind import TaskKind
from coldpress.onnx.inference import Logits, run_batch
from coldpress.onnx.predictor import Predictor

_MAX_ROWS = 256
_BATCH_SIZE = 32


def measure_invariance(directory: Path, rows: EncodedSplit) -> Invariance:
    """Compare the logits of single texts on one thread with those of batches, padding and threads.

    Args:
        directory: Folder with `model.onnx` and `tokenizer.json`.
        rows: Encoded by the model's tokenizer; at most 256, evenly spaced, are used.

    Returns:
        The largest change of a raw output, and for kinds with labels the share of rows whose
        prediction changed, for each of the three.
    """
    sample = evenly_spaced_rows(len(rows), _MAX_ROWS)
    single_thread = Predictor(directory, 1)
    all_threads = Predictor(directory, max(2, os.cpu_count() or 1))
    kind = task_kind(single_thread.kind)
    expected = _logits_one_by_one(single_thread, rows, sample)
    return Invariance(
        rows=len(sample),
        batch=_change(kind, expected, _logits_in_batches(single_thread, rows, sample)),
        padding=_change(kind, expected, _logits_padded(single_thread, rows, sample)),
        threads=_change(kind, expected, _logits_one_by_one(all_threads, rows, sample)),
    )


def _logits_one_by_one(predictor: Predictor, rows: EncodedSplit, sample: list[int]) -> Logits:
    return np.concatenate([run_batch(predictor, rows.batch([row])) for row in sample])


def _logits_in_batches(predictor: Predictor, rows: EncodedSplit, sample: list[int]) -> Logits:
    """Distribute the texts by length, so that each batch has short and long ones."""
    by_length = sorted(range(len(sample)), key=lambda place: _count_tokens(rows, sample[place]))
    batches = -(-len(sample) // _BATCH_SIZE)
    logits = np.empty((len(sample), len(predictor.labels)), dtype=np.float32)
    for first in range(batches):
        places = by_length[first::batches]
        logits[places] = run_batch(predictor, rows.batch([sample[place] for place in places]))
    return logits


def _logits_padded(predictor: Predictor, rows: EncodedSplit, sample: list[int]) -> Logits:
    """Return each text's logits when it is padded to the length of the longest text."""
    longest = max(sample, key=lambda row: _count_tokens(rows, row))
    batches = [rows.batch([row, longest]) for row in sample]
    return np.concatenate(
        [
            predictor.logits(b.input_ids[:1], b.attention_mask[:1], b.token_type_ids[:1])
            for b in batches
        ]
    )


def _count_tokens(rows: EncodedSplit, row: int) -> int:
    return len(rows.input_ids[row])


def _change(kind: TaskKind, expected: Logits, logits: Logits) -> PredictionChange:
    largest = float(np.abs(logits - expected).max())
    if not kind.has_labels:
        return PredictionChange(largest_logit=largest, labels=None)
    changed = kind.predicted_targets(logits) != kind.predicted_targets(expected)
    # A target may have several values.
    rows = changed.reshape(len(changed), -1).any(axis=1)
    return PredictionChange(largest_logit=largest, labels=float(rows.mean()))
