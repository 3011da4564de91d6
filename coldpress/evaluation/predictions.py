"""Logits of every model for every test row, stored with the evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from coldpress.schema.finite import check_arrays_finite

_LOGITS_FILE = "answers.safetensors"
_ROWS_FILE = "rows.json"


@dataclass(frozen=True)
class Predictions:
    """Logits of several models for the same rows.

    Attributes:
        ids: Row ids, as in `Split.ids`; they match the rows of two evaluations.
        label_names: In the order of the logits.
        labels: True label indices, shape (rows,).
        logits: By model, from the teacher to the final one; float32, shape (rows, labels).
    """

    ids: tuple[str, ...]
    label_names: tuple[str, ...]
    labels: NDArray[np.int64]
    logits: Mapping[str, NDArray[np.float32]]

    @property
    def teacher(self) -> str:
        """Name of the first model."""
        return next(iter(self.logits))

    @property
    def final(self) -> str:
        """Name of the last model, the one to be deployed."""
        return list(self.logits)[-1]

    def predicted_labels(self, model: str) -> NDArray[np.int64]:
        """Return the label indices that a model predicts, shape (rows,)."""
        return np.asarray(self.logits[model].argmax(axis=1), dtype=np.int64)

    def correct(self, model: str) -> NDArray[np.bool_]:
        """Return whether a model's predictions are correct, shape (rows,)."""
        return np.asarray(self.predicted_labels(model) == self.labels, dtype=np.bool_)


def write_predictions(predictions: Predictions, directory: Path) -> None:
    """Write predictions into a checkpoint that is being written.

    Args:
        predictions: Of all models.
        directory: The directory that `new_checkpoint` yielded.

    Raises:
        NonFiniteError: A model's logits contain NaN or infinity.
    """
    check_arrays_finite(predictions.logits)
    # The file sorts tensors by name, so the order of the models is stored as metadata: under a
    # single key, since several keys are written in random order.
    order = {"models": json.dumps(list(predictions.logits))}
    tensors = {name: np.ascontiguousarray(logits) for name, logits in predictions.logits.items()}
    save_file(tensors, directory / _LOGITS_FILE, metadata=order)
    rows: dict[str, Any] = {
        "ids": predictions.ids,
        "label_names": predictions.label_names,
        "labels": predictions.labels.tolist(),
    }
    (directory / _ROWS_FILE).write_text(json.dumps(rows), encoding="utf-8")


def read_predictions(directory: Path) -> Predictions:
    """Read the predictions of an evaluation checkpoint."""
    rows = json.loads((directory / _ROWS_FILE).read_text(encoding="utf-8"))
    with safe_open(directory / _LOGITS_FILE, framework="numpy") as file:
        models = json.loads(file.metadata()["models"])
        logits = {name: file.get_tensor(name) for name in models}
    labels = np.asarray(rows["labels"], dtype=np.int64)
    return Predictions(tuple(rows["ids"]), tuple(rows["label_names"]), labels, logits)
