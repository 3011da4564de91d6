"""Outputs of every model for every test row, stored with the evaluation."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from coldpress.data.splits import number_rows
from coldpress.kinds import DEFAULT_KIND, task_kind
from coldpress.kinds.kind import Outputs, TargetArray, TaskKind
from coldpress.kinds.samples import row_samples
from coldpress.kinds.scores import SampleScores
from coldpress.schema.finite import check_arrays_finite

_LOGITS_FILE = "answers.safetensors"
_ROWS_FILE = "rows.json"


@dataclass(frozen=True)
class Predictions:
    """Outputs of several models for the same rows.

    Attributes:
        ids: Row ids, as in `Split.ids`; they match the rows of two evaluations.
        kind: Task kind of the rows.
        names: Names of the outputs, such as label names in the order of the logits.
        targets: One per unit, such as true label indices, shape (units,) or (units, numbers); empty
            for unlabelled rows.
        outputs: By model, from the teacher to the final one; float32, shape (units, outputs). If
            each label has a threshold, they are margins, see `coldpress.kinds.thresholds`.
        thresholds: By model, those of its labels as logits; empty for kinds without thresholds.
        units: Number of units of each row; None if the units are the rows.
    """

    ids: Sequence[str]
    kind: TaskKind
    names: tuple[str, ...]
    targets: TargetArray
    outputs: Mapping[str, NDArray[np.float32]]
    thresholds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    units: tuple[int, ...] | None = None

    def predicted_targets(self, outputs: Outputs) -> TargetArray:
        """Return a model's predictions for these rows in the form of `targets`.

        Args:
            outputs: Shape (units, outputs).
        """
        predicted = self.kind.predicted_targets(outputs)
        if self.units is None:
            return predicted
        return np.stack([predicted, number_rows(self.units)], axis=1)

    @property
    def teacher(self) -> str:
        """Name of the first model."""
        return next(iter(self.outputs))

    @property
    def final(self) -> str:
        """Name of the last model, the one to be deployed."""
        return list(self.outputs)[-1]

    @property
    def scale(self) -> float:
        """Unit in which sample scores measure errors."""
        return self.kind.scale(self.targets)

    def sample_scores(self, model: str, scale: float | None = None) -> SampleScores:
        """Score each sample from 0 to 1 by the predictions of a model, shape (samples,).

        Args:
            model: Name of the model.
            scale: Unit of errors; None: that of these rows.
        """
        unit = self.scale if scale is None else scale
        return self.kind.sample_scores(self.outputs[model], self.targets, unit)

    @property
    def sample_ids(self) -> tuple[str, ...]:
        """Ids of the samples: of a single row its id, of several rows their ids in order."""
        samples = row_samples(self.kind, self.targets, len(self.ids))
        ids: defaultdict[int, list[str]] = defaultdict(list)
        for row_id, sample in zip(self.ids, samples.tolist(), strict=True):
            ids[sample].append(row_id)
        return tuple(" ".join(ids[sample]) for sample in sorted(ids))

    def logits(self, model: str) -> Outputs:
        """Return the logits of a model divided by its temperature, shape (rows, outputs)."""
        outputs = self.outputs[model]
        return outputs + np.asarray(self.thresholds[model]) if self.thresholds else outputs

    def margins(self, model: str, logits: Outputs) -> Outputs:
        """Subtract the thresholds of a model from its logits for other rows, if it has any.

        Args:
            model: Name of the model.
            logits: In the order of `names`, shape (other rows, outputs).
        """
        return logits - np.asarray(self.thresholds[model]) if self.thresholds else logits

    @property
    def target_texts(self) -> list[str]:
        """Targets of the samples as text: models may number their labels differently."""
        return self.kind.target_texts(self.targets, self.names) if len(self.targets) else []


def write_predictions(predictions: Predictions, directory: Path) -> None:
    """Write predictions into a checkpoint that is being written.

    Args:
        predictions: Of all models.
        directory: The directory that `new_checkpoint` yielded.

    Raises:
        NonFiniteError: A model's outputs contain NaN or infinity.
    """
    check_arrays_finite(predictions.outputs)
    # The file sorts tensors by name, so the order of the models is stored as metadata: under a
    # single key, since several keys are written in random order.
    order = {"models": json.dumps(list(predictions.outputs))}
    tensors = {name: np.ascontiguousarray(values) for name, values in predictions.outputs.items()}
    save_file(tensors, directory / _LOGITS_FILE, metadata=order)
    rows: dict[str, Any] = {
        "ids": predictions.ids,
        "kind": predictions.kind.name,
        "label_names": predictions.names,
        "labels": predictions.targets.tolist(),
    }
    if predictions.thresholds:
        rows["thresholds"] = predictions.thresholds
    if predictions.units is not None:
        rows["units"] = predictions.units
    (directory / _ROWS_FILE).write_text(json.dumps(rows), encoding="utf-8")


def read_predictions(directory: Path) -> Predictions:
    """Read the predictions of an evaluation checkpoint."""
    rows = json.loads((directory / _ROWS_FILE).read_text(encoding="utf-8"))
    with safe_open(directory / _LOGITS_FILE, framework="numpy") as file:
        models = json.loads(file.metadata()["models"])
        outputs = {name: file.get_tensor(name) for name in models}
    return Predictions(
        tuple(rows["ids"]),
        # Files of earlier versions have no kind.
        task_kind(rows.get("kind", DEFAULT_KIND)),
        tuple(rows["label_names"]),
        np.asarray(rows["labels"]),
        outputs,
        {name: tuple(values) for name, values in rows.get("thresholds", {}).items()},
        tuple(rows["units"]) if "units" in rows else None,
    )


def reorder_outputs(outputs: Outputs, names: Sequence[str], order: Sequence[str]) -> Outputs:
    """Reorder the outputs of a model that numbers its labels differently.

    Args:
        outputs: Shape (rows, outputs).
        names: Names of the outputs.
        order: The same names in another order.

    Returns:
        Shape (rows, outputs).
    """
    if list(names) == list(order):
        return outputs
    return outputs[:, [list(names).index(name) for name in order]]
