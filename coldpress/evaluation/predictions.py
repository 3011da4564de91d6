"""What every model answered to every test row, kept so that it need not be asked again."""

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
    """The answers of several models to the same rows.

    Attributes:
        ids: Row ids, as `Split.ids`; they pair the rows of two evaluations.
        label_names: In the order of the logits.
        labels: What is right, shape (rows,).
        logits: float32, shape (rows, labels), by model: from the teacher to the final one.
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

    def predicted(self, model: str) -> NDArray[np.int64]:
        """Return a model's label indices, shape (rows,)."""
        return np.asarray(self.logits[model].argmax(axis=1), dtype=np.int64)

    def right(self, model: str) -> NDArray[np.bool_]:
        """Return whether a model's answers are the labels, shape (rows,)."""
        return np.asarray(self.predicted(model) == self.labels, dtype=np.bool_)


def write_predictions(answers: Predictions, directory: Path) -> None:
    """Put answers into a checkpoint that is being written.

    Args:
        answers: Of all models.
        directory: What `checkpoint.writing` yielded.

    Raises:
        NonFiniteError: A model's answers are no numbers.
    """
    check_arrays_finite(answers.logits)
    # Tensors are sorted in the file. One key alone: several are written in an order that changes.
    order = {"models": json.dumps(list(answers.logits))}
    tensors = {name: np.ascontiguousarray(logits) for name, logits in answers.logits.items()}
    save_file(tensors, directory / _LOGITS_FILE, metadata=order)
    rows: dict[str, Any] = {
        "ids": answers.ids,
        "label_names": answers.label_names,
        "labels": answers.labels.tolist(),
    }
    (directory / _ROWS_FILE).write_text(json.dumps(rows), encoding="utf-8")


def read_predictions(directory: Path) -> Predictions:
    """Read answers back.

    Args:
        directory: An opened evaluation checkpoint's.

    Returns:
        What was written.
    """
    rows = json.loads((directory / _ROWS_FILE).read_text(encoding="utf-8"))
    with safe_open(directory / _LOGITS_FILE, framework="numpy") as file:
        models = json.loads(file.metadata()["models"])
        logits = {name: file.get_tensor(name) for name in models}
    labels = np.asarray(rows["labels"], dtype=np.int64)
    return Predictions(tuple(rows["ids"]), tuple(rows["label_names"]), labels, logits)
