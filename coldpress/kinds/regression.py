"""Regression: one number for a text or a pair of texts, such as a similarity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from coldpress.data.rows import Rows
from coldpress.data.section import BenchmarkSection
from coldpress.data.sources import Columns, TextColumns
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.kinds.correlation import pearson, spearman
from coldpress.kinds.finite_number import finite_number
from coldpress.kinds.kind import HeadName, Outputs, TargetArray
from coldpress.kinds.scores import Metric, SampleScores, TargetGroup

if TYPE_CHECKING:
    from torch import Tensor

QUARTERS = (0.25, 0.5, 0.75)
"""Quantiles of the targets between groups of rows."""


class TargetColumns(TextColumns):
    """Names of the source's columns for the text, the optional second text and the number."""

    target: Annotated[str, Field(min_length=1, description="Column of the number.")] = "score"


class RegressionBenchmark(BenchmarkSection):
    """Dataset for regression: each row has a number."""

    kind: Literal["regression"]
    columns: TargetColumns = TargetColumns()


class Regression:
    """One number for each row: mean squared error, Spearman correlation."""

    name = "regression"
    metrics = (
        Metric("spearman", "Spearman correlation", "spearmanr"),
        Metric("pearson", "Pearson correlation", "pearsonr"),
    )
    sample_metric = Metric("closeness", "closeness", "closeness")
    samples_title = "rows"
    is_classification = False
    has_labels = False
    has_target_groups = True
    head: HeadName = "text"
    activation: Literal["none"] = "none"
    stratum_title = "quarter of the targets"
    problem_types = ("regression", None)
    model_title = "regression model"
    pipeline_tag = "text-classification"  # of regression models on the hub, too

    def output_names(self, train: Rows, columns: Columns) -> tuple[str, ...]:
        """Return the name of the only output, after checking that the numbers differ.

        Args:
            train: The training rows.
            columns: Names of the text and target columns.

        Raises:
            InputError: All rows have the same number.
        """
        numbers = self.read_targets(train, columns, ())
        if len(set(numbers)) < 2:
            raise InputError(
                f"{train.location}: {columns.target_column!r} is {numbers[0]:g} in every row"
            )
        return ("score",)

    def read_targets(
        self,
        rows: Rows,
        columns: Columns,
        names: Sequence[str],  # noqa: ARG002
    ) -> tuple[float, ...]:
        """Return the number of each row.

        Args:
            rows: Rows of any split.
            columns: Names of the text and target columns.
            names: Unused.

        Raises:
            InputError: A value is not a finite number.
        """
        column = columns.target_column
        return tuple(
            finite_number(value, f"{rows.locate(row)}: {column!r}")
            for row, value in enumerate(rows.columns[column])
        )

    def check_split(self, targets: Sequence[float], rows: Rows) -> None:
        """Refuse targets that are all equal: every model would have a correlation of 0.

        Args:
            targets: Of all rows of the split.
            rows: The source of the split, for the message.

        Raises:
            InputError: All targets are equal.
        """
        if len(set(targets)) < 2:
            raise InputError(
                f"{rows.location} has the target {targets[0]:g} in every row; a correlation needs"
                " rows with different targets"
            )

    def strata(self, targets: Sequence[float]) -> list[int]:
        """Stratify by quarter of the targets."""
        return [int(quarter) for quarter in _quarters(np.asarray(targets, dtype=np.float64))]

    def hard_loss(
        self, outputs: Tensor, targets: Tensor, reduction: Literal["mean", "sum"] = "mean"
    ) -> Tensor:
        """Compute the squared error of outputs (batch, 1) against numbers (batch,)."""
        from torch.nn.functional import mse_loss

        return mse_loss(outputs[:, 0], targets.to(outputs.dtype), reduction=reduction)

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, temperature: float) -> Tensor:  # noqa: ARG002
        """Compute the squared error against the teacher's numbers.

        Args:
            outputs: The student's, shape (batch, 1).
            teacher_outputs: Shape (batch, 1).
            temperature: Unused: there is no distribution to soften.

        Returns:
            Mean over the batch.
        """
        from torch.nn.functional import mse_loss

        return mse_loss(outputs, teacher_outputs)

    def scores(self, outputs: Outputs, targets: TargetArray) -> dict[str, float]:
        """Compute the correlations of predictions and targets.

        Args:
            outputs: Shape (rows, 1).
            targets: Shape (rows,).

        Returns:
            From -1 to 1; 0 if all predictions or all targets are equal.
        """
        return {
            "spearman": self.main_score(outputs, targets),
            "pearson": pearson(self.predicted_targets(outputs), targets),
        }

    def main_score(self, outputs: Outputs, targets: TargetArray) -> float:
        """Compute the Spearman correlation: that of the ranks, equal values sharing a rank."""
        return spearman(self.predicted_targets(outputs), targets)

    def samples(self, targets: TargetArray) -> NDArray[np.int64]:
        """Return the row numbers: every row is a sample."""
        return np.arange(len(targets))

    def split_samples(self, split: Split) -> Split:
        """Return the split itself: every row is a sample."""
        return split

    def scale(self, targets: TargetArray) -> float:
        """Return the range of the targets; 1 if they are all equal, or if there are none."""
        if not len(targets):
            return 1.0
        return float(np.ptp(targets)) or 1.0

    def sample_scores(self, outputs: Outputs, targets: TargetArray, scale: float) -> SampleScores:
        """Return the closeness of each row: 1 minus the error as a share of the targets' range.

        Args:
            outputs: Shape (rows, 1).
            targets: Shape (rows,).
            scale: Range of the targets.

        Returns:
            Shape (rows,); 0 for an error of the whole range or more.
        """
        errors = np.abs(self.predicted_targets(outputs) - targets)
        return np.asarray(np.clip(1 - errors / scale, 0, 1), dtype=np.float64)

    def agreement(self, outputs: Outputs, others: Outputs, targets: TargetArray) -> float:  # noqa: ARG002
        """Return the Spearman correlation of the predictions of two models."""
        if np.array_equal(outputs, others):
            return 1.0
        return spearman(self.predicted_targets(outputs), self.predicted_targets(others))

    def predicted_targets(self, outputs: Outputs) -> TargetArray:
        """Return the predicted numbers as float64, shape (rows,)."""
        return outputs[:, 0].astype(np.float64)

    def confidence(self, outputs: Outputs) -> NDArray[np.float64] | None:  # noqa: ARG002
        """Return None: a number has no probability."""
        return None

    def target_groups(
        self,
        outputs: Outputs,
        targets: TargetArray,
        names: Sequence[str],  # noqa: ARG002
        scale: float,
    ) -> list[TargetGroup]:
        """Group the rows by quarter of the targets; equal targets are in the same group."""
        quarters = _quarters(targets)
        scores = self.sample_scores(outputs, targets, scale)
        groups = []
        for quarter in np.unique(quarters):
            rows = np.flatnonzero(quarters == quarter)
            low, high = targets[rows].min(), targets[rows].max()
            name = f"target {low:g}" if low == high else f"target {low:g} to {high:g}"
            groups.append(TargetGroup(name, tuple(rows.tolist()), scores[rows]))
        return groups

    def prediction_texts(
        self,
        outputs: Outputs,
        targets: TargetArray,  # noqa: ARG002
        names: Sequence[str],  # noqa: ARG002
    ) -> list[str]:
        """Return each prediction with three significant digits."""
        return [f"{number:.3g}" for number in outputs[:, 0]]

    def target_texts(self, targets: TargetArray, names: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Return each target in full."""
        return [f"{float(target)!r}" for target in targets]


def _quarters(targets: TargetArray) -> NDArray[np.int64]:
    """Return the quarter of each target, from 0, shape (rows,); edges belong to the lower one."""
    if not len(targets):
        return np.zeros(0, dtype=np.int64)
    edges = np.quantile(targets, QUARTERS)
    return np.asarray(np.searchsorted(edges, targets, side="left"), dtype=np.int64)
