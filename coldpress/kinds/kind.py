"""Interface of task kinds: what a model predicts, and how it is trained and evaluated on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from coldpress.data.rows import Rows
    from coldpress.data.sources import TextColumns
    from coldpress.data.splits import Target

Outputs = NDArray[np.floating[Any]]
"""Outputs of a model before any activation, shape (rows, outputs)."""

TargetArray = NDArray[Any]
"""Targets of rows: int64 class indices or float64 numbers of shape (rows,); or several values for
each row, such as 0 or 1 for every label, of shape (rows, values)."""

Activation = Literal["softmax", "sigmoid", "none"]
"""Function that the predictor applies to the outputs: `softmax` for the probabilities of labels of
which one applies, `sigmoid` for those of labels of which any number apply."""

RowScores = NDArray[np.float64]
"""One score per row from 0 (wrong) to 1 (right), shape (rows,)."""


@dataclass(frozen=True)
class Metric:
    """A quality metric; higher is better.

    Attributes:
        name: Key in `scores` of a scorecard, and part of the names of MLflow metrics.
        title: Name in sentences, tables and figures.
        hub_name: Name of the metric on the Hugging Face hub, for the model card.
    """

    name: str
    title: str
    hub_name: str

    @property
    def heading(self) -> str:
        """The title with a capital letter."""
        return self.title[:1].upper() + self.title[1:]


@dataclass(frozen=True)
class TargetGroup:
    """Rows with similar targets, whose results are compared separately.

    Attributes:
        name: Name for reports, as in `label LOC`.
        rows: Row numbers, ascending.
    """

    name: str
    rows: tuple[int, ...]


class TaskKind(Protocol):
    """A kind of task: one file, registered in `coldpress.kinds`.

    A kind has no state. Names are those of a model's outputs: label names for a classifier.
    """

    @property
    def name(self) -> str:
        """Value of `benchmark.kind` in recipes."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Metrics of the scorecard; the first one selects epochs and is checked by the gate."""

    @property
    def row_metric(self) -> Metric:
        """Mean of the row scores: the metric of groups of rows."""

    @property
    def is_classification(self) -> bool:
        """True if each row has one of several classes, and row scores are 0 or 1.

        The largest output is then the prediction, `activation` is `softmax`, and the metrics are
        `accuracy` and `macro_f1`. Such models are compared by exact tests.
        """

    @property
    def has_labels(self) -> bool:
        """True if a model's outputs stand for labels with probabilities, one output for each.

        Predictions can then be compared for equality, and the outputs be calibrated.
        """

    @property
    def activation(self) -> Activation:
        """Function that the predictor applies to the outputs."""

    @property
    def stratum_title(self) -> str:
        """Name of a stratum in sentences, as in `class`."""

    @property
    def problem_types(self) -> tuple[str | None, ...]:
        """Accepted `problem_type` of a teacher's config.json; the first one is written."""

    @property
    def model_title(self) -> str:
        """Name of a model of this kind in sentences, as in `classifier`."""

    @property
    def pipeline_tag(self) -> str:
        """Task on the Hugging Face hub, for the model card."""

    def output_names(self, train: Rows, columns: TextColumns) -> tuple[str, ...]:
        """Return the names of a model's outputs.

        Args:
            train: The training rows.
            columns: Names of the text and target columns.

        Raises:
            InputError: The targets cannot be learned, such as those of a single class.
        """

    def read_targets(
        self, rows: Rows, columns: TextColumns, names: Sequence[str]
    ) -> tuple[Target, ...]:
        """Return one target per row.

        Args:
            rows: Rows of any split.
            columns: Names of the text and target columns.
            names: Names of the outputs.

        Raises:
            InputError: A value is not a valid target; the message names its row.
        """

    def check_split(self, targets: Sequence[Any], location: str) -> None:
        """Check that the metrics are defined for a validation or test split.

        Args:
            targets: Of all rows of the split.
            location: The split, for the message.

        Raises:
            InputError: They are not, such as the correlation of targets that are all equal.
        """

    def strata(self, targets: Sequence[Any]) -> list[int]:
        """Return a stratum per row: splits contain the same share of each stratum."""

    def hard_loss(
        self, outputs: Tensor, targets: Tensor, reduction: Literal["mean", "sum"] = "mean"
    ) -> Tensor:
        """Compute the loss against the targets.

        Args:
            outputs: Shape (batch, outputs).
            targets: Shape (batch,), or (batch, values) for kinds with several values in a target.
            reduction: Over the rows of the batch.

        Returns:
            A scalar.
        """

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, temperature: float) -> Tensor:
        """Compute the loss against the teacher's outputs.

        Args:
            outputs: The student's, shape (batch, outputs).
            teacher_outputs: Shape (batch, outputs).
            temperature: Softens probabilities; ignored by kinds without labels.

        Returns:
            A scalar, averaged over the batch.
        """

    def scores(self, outputs: Outputs, targets: TargetArray) -> dict[str, float]:
        """Compute all metrics, by name.

        Args:
            outputs: Shape (rows, outputs).
            targets: As in `Split.target_array`.
        """

    def main_score(self, outputs: Outputs, targets: TargetArray) -> float:
        """Compute the first metric only."""

    def scale(self, targets: TargetArray) -> float:
        """Return the unit in which `row_scores` measures errors.

        Args:
            targets: Of the test rows that a model was evaluated on, as in `Split.target_array`.
        """

    def row_scores(self, outputs: Outputs, targets: TargetArray, scale: float) -> RowScores:
        """Score every row from 0 to 1, so that groups of rows can be compared.

        Args:
            outputs: Shape (rows, outputs).
            targets: As in `Split.target_array`.
            scale: From `scale`.
        """

    def agreement(self, outputs: Outputs, others: Outputs) -> float:
        """Measure how far two models predict the same; 1 if their predictions are equal.

        Args:
            outputs: Shape (rows, outputs).
            others: Outputs of the other model, shape (rows, outputs).
        """

    def predicted_targets(self, outputs: Outputs) -> TargetArray:
        """Return the predictions in the form of targets, shape (rows,)."""

    def confidence(self, outputs: Outputs) -> NDArray[np.float64] | None:
        """Return the probability of each prediction, shape (rows,); None without probabilities."""

    def target_groups(self, targets: TargetArray, names: Sequence[str]) -> list[TargetGroup]:
        """Group the rows by target; empty groups are left out."""

    def prediction_texts(self, outputs: Outputs, names: Sequence[str]) -> list[str]:
        """Return each prediction as text, for reports."""

    def target_texts(self, targets: TargetArray, names: Sequence[str]) -> list[str]:
        """Return each target as text: equal texts mean equal targets."""
