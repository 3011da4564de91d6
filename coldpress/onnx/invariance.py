"""Invariance of an exported model's logits to batch, padding and threads."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldpress.data.encoding import Batch, EncodedSplit
from coldpress.evaluation.scorecard.serving import Invariance, PredictionChange
from coldpress.kinds import task_kind
from coldpress.kinds.kind import Outputs, TaskKind
from coldpress.onnx.inference import Logits, calibrate, run_batch
from coldpress.onnx.predictor import Predictor

_MAX_ROWS = 256


def measure_invariance(directory: Path, rows: EncodedSplit) -> Invariance:
    """Compare the logits of single texts on one thread with those of batches, padding and threads.

    Args:
        directory: Folder with `model.onnx` and `tokenizer.json`.
        rows: Encoded by the model's tokenizer; at most 256, evenly spaced, are used.

    Returns:
        The largest change of a raw output, and for kinds with labels the share of rows whose
        prediction changed, for each of the three.
    """
    sample = rows.sample_evenly(_MAX_ROWS)
    single_thread = Predictor(directory, 1)
    all_threads = Predictor(directory, max(2, os.cpu_count() or 1))
    kind = task_kind(single_thread.kind)
    expected = _logits_one_by_one(single_thread, sample)
    sample_rows = _unit_rows(sample)

    def change(logits: Logits) -> PredictionChange:
        largest = float(np.abs(logits - expected).max())
        before, after = (calibrate(single_thread, values) for values in (expected, logits))
        if not kind.has_labels:
            return PredictionChange(largest_logit=largest, labels=None)
        changed = _changed_units(kind, before, after)
        share = len(np.unique(sample_rows[changed])) / len(sample)
        return PredictionChange(largest_logit=largest, labels=share)

    return Invariance(
        rows=len(sample),
        batch=change(_logits_in_one_batch(single_thread, sample)),
        padding=change(_logits_padded(single_thread, sample)),
        threads=change(_logits_in_one_batch(all_threads, sample)),
    )


def _logits_one_by_one(predictor: Predictor, sample: EncodedSplit) -> Logits:
    batches = [sample.batch([row]) for row in range(len(sample))]
    return np.concatenate([run_batch(predictor, batch) for batch in batches])


def _logits_in_one_batch(predictor: Predictor, sample: EncodedSplit) -> Logits:
    """Return the logits of all texts, short and long ones, in one call and in reverse order."""
    batch = sample.batch(range(len(sample))[::-1])
    return run_batch(predictor, batch)[np.argsort(batch.units)]


def _logits_padded(predictor: Predictor, sample: EncodedSplit) -> Logits:
    """Return each text's logits when it is padded to the length of the longest text."""
    longest = max(range(len(sample)), key=lambda row: len(sample.input_ids[row]))
    return np.concatenate(
        [
            _first_row(predictor, sample.batch([row, longest]), sample.batch([row]))
            for row in range(len(sample))
        ]
    )


def _first_row(predictor: Predictor, padded: Batch, single: Batch) -> Logits:
    """Return the logits of a padded batch's first row, which is also a batch of its own."""
    first = (padded.input_ids[:1], padded.attention_mask[:1], padded.token_type_ids[:1])
    return single.select_units(predictor.logits(*first))


def _unit_rows(sample: EncodedSplit) -> NDArray[np.int64]:
    """Return the row of each unit that the model sees, shape (units,)."""
    places = sample.batch(range(len(sample))).places
    return np.arange(len(sample)) if places is None else places.rows


def _changed_units(kind: TaskKind, before: Outputs, after: Outputs) -> NDArray[np.bool_]:
    """Return whether the prediction for each unit changed, shape (units,)."""
    changed = kind.predicted_targets(after) != kind.predicted_targets(before)
    # A target may have several values.
    return np.asarray(changed.reshape(len(changed), -1).any(axis=1))
