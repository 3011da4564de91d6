"""Multi-label classification: any number of labels for a text or a pair of texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from coldpress.data.label_lists import check_names_differ
from coldpress.data.rows import Rows
from coldpress.data.sources import Columns
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.kinds.additive import Counts
from coldpress.kinds.kind import HeadName, Outputs, TargetArray
from coldpress.kinds.multi_label_columns import label_flags, label_names
from coldpress.kinds.scores import Metric, SampleScores, TargetGroup

if TYPE_CHECKING:
    from torch import Tensor


class MultiLabel:
    """Any number of labels for each row: sigmoids, binary cross-entropy, micro F1.

    Outputs of an evaluation are margins, see `coldpress.kinds.thresholds`: a label is predicted if
    its output is at least 0.
    """

    name = "multi-label"
    metrics = (
        Metric("micro_f1", "micro F1", "f1"),
        Metric("macro_f1", "macro F1", "f1"),
        Metric(
            "ranking_average_precision",
            "ranking average precision",
            "label_ranking_average_precision",
        ),
    )
    sample_metric = Metric("example_f1", "F1 of a row", "f1")
    samples_title = "rows"
    is_classification = False
    has_labels = True
    has_target_groups = True
    head: HeadName = "text"
    activation: Literal["sigmoid"] = "sigmoid"
    stratum_title = "label"
    problem_types = ("multi_label_classification",)
    model_title = "multi-label classifier"
    pipeline_tag = "text-classification"

    def output_names(self, train: Rows, columns: Columns) -> tuple[str, ...]:
        """Return the label names of the training rows: sorted, or 0/1 columns as they are listed.

        Args:
            train: The training rows.
            columns: Names of the text and label columns.

        Raises:
            InputError: No row has a label, a column has no 1, or two names look the same.
        """
        names = label_names(train, columns)
        check_names_differ(names, train.location)
        return names

    def read_targets(
        self, rows: Rows, columns: Columns, names: Sequence[str]
    ) -> tuple[tuple[int, ...], ...]:
        """Return 0 or 1 for every label of each row.

        Args:
            rows: Rows of any split.
            columns: Names of the text and label columns.
            names: Label names.

        Raises:
            InputError: A value is not a list of labels, or a label is not one of `names`.
        """
        return label_flags(rows, columns, names)

    def check_split(self, targets: Sequence[Sequence[int]], rows: Rows) -> None:
        """Refuse a split without any label: F1 would be undefined.

        Args:
            targets: Of all rows of the split.
            rows: The source of the split, for the message.

        Raises:
            InputError: No row has a label.
        """
        if not any(any(row) for row in targets):
            raise InputError(f"{rows.location} has no row with a label")

    def strata(self, targets: Sequence[Sequence[int]]) -> list[int]:
        """Stratify by the rarest label of each row; rows without labels are a stratum, too."""
        present = np.asarray(targets)
        counts = np.where(present == 1, present.sum(axis=0), len(present) + 1)
        return [int(row.argmin()) if row.min() <= len(present) else -1 for row in counts]

    def hard_loss(
        self, outputs: Tensor, targets: Tensor, reduction: Literal["mean", "sum"] = "mean"
    ) -> Tensor:
        """Compute the binary cross-entropy, summed over labels: -log p of a row's labels.

        Args:
            outputs: Shape (batch, labels).
            targets: 0 or 1, shape (batch, labels).
            reduction: Over the rows of the batch.

        Returns:
            A scalar.
        """
        from torch.nn.functional import binary_cross_entropy_with_logits

        rows = 1 if reduction == "sum" else len(outputs)
        targets = targets.to(outputs.dtype)
        return binary_cross_entropy_with_logits(outputs, targets, reduction="sum") / rows

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, temperature: float) -> Tensor:
        """Compute the KL divergence of the softened probabilities, summed over labels.

        The loss of Hinton et al. (2015) with a sigmoid for each label: the binary cross-entropy
        against the teacher's probabilities, minus their entropy, which the student cannot change.

        Args:
            outputs: The student's z, shape (batch, labels).
            teacher_outputs: The teacher's v, shape (batch, labels).
            temperature: T in q_i = sigmoid(z_i / T).

        Returns:
            T^2 * KL(p || q), averaged over the batch; 0 if the outputs are equal.
        """
        from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

        student, teacher = outputs / temperature, teacher_outputs / temperature
        probabilities = teacher.sigmoid()
        loss = cross_entropy(student, probabilities, reduction="sum")
        entropy = cross_entropy(teacher, probabilities, reduction="sum")
        return temperature**2 * (loss - entropy) / len(outputs)

    def scores(self, outputs: Outputs, targets: TargetArray) -> dict[str, float]:
        """Compute micro and macro F1; the ranking average precision is that of probabilities.

        Args:
            outputs: Margins, shape (rows, labels).
            targets: 0 or 1, shape (rows, labels).

        Returns:
            Fractions by name.
        """
        hits, predicted, present = _counts(outputs, targets, axis=0)
        either = predicted + present
        f1 = 2 * hits / np.maximum(either, 1)
        macro = float(f1[either > 0].mean()) if either.any() else 0.0
        return {"micro_f1": self.main_score(outputs, targets), "macro_f1": macro}

    def main_score(self, outputs: Outputs, targets: TargetArray) -> float:
        """Compute the micro F1: that of all decisions about a label of a row together."""
        return float(self.score_of_counts(self.counts(outputs, targets).sum(axis=0)))

    def counts(self, outputs: Outputs, targets: TargetArray) -> Counts:
        """Count hits, predicted labels and present labels of each row, shape (rows, 3)."""
        return np.stack(_counts(outputs, targets, axis=1), axis=1).astype(np.float64)

    def score_of_counts(self, counts: Counts) -> NDArray[np.float64]:
        """Return the micro F1 of summed counts of shape (..., 3)."""
        hits, either = counts[..., 0], counts[..., 1] + counts[..., 2]
        return np.asarray(2 * hits / np.maximum(either, 1))

    def samples(self, targets: TargetArray) -> NDArray[np.int64]:
        """Return the row numbers: every row is a sample."""
        return np.arange(len(targets))

    def split_samples(self, split: Split) -> Split:
        """Return the split itself: every row is a sample."""
        return split

    def scale(self, targets: TargetArray) -> float:  # noqa: ARG002
        """Return 1: the F1 of a row needs no unit."""
        return 1.0

    def sample_scores(self, outputs: Outputs, targets: TargetArray, scale: float) -> SampleScores:  # noqa: ARG002
        """Return the F1 of each row, shape (rows,); 1 if it has no label and gets none."""
        hits, predicted, present = _counts(outputs, targets, axis=1)
        either = predicted + present
        return np.where(either > 0, 2 * hits / np.maximum(either, 1), 1.0)

    def agreement(self, outputs: Outputs, others: Outputs, targets: TargetArray) -> float:  # noqa: ARG002
        """Return the share of rows with the same labels, correct or not."""
        return float(np.mean(((outputs >= 0) == (others >= 0)).all(axis=1)))

    def predicted_targets(self, outputs: Outputs) -> TargetArray:
        """Return 0 or 1 for every label, shape (rows, labels)."""
        return np.asarray(outputs >= 0, dtype=np.int64)

    def confidence(self, outputs: Outputs) -> NDArray[np.float64] | None:  # noqa: ARG002
        """Return None: a set of labels has no single probability."""
        return None

    def target_groups(
        self,
        outputs: Outputs,
        targets: TargetArray,
        names: Sequence[str],
        scale: float,  # noqa: ARG002
    ) -> list[TargetGroup]:
        """Group the rows that have a label, for each label: the mean score is its recall."""
        found = self.predicted_targets(outputs).astype(np.float64)
        members = [np.flatnonzero(present).tolist() for present in targets.T]
        return [
            TargetGroup(f"label {name}", tuple(rows), found[rows, label])
            for label, (name, rows) in enumerate(zip(names, members, strict=True))
            if rows
        ]

    def prediction_texts(
        self,
        outputs: Outputs,
        targets: TargetArray,  # noqa: ARG002
        names: Sequence[str],
    ) -> list[str]:
        """Return the predicted labels of each row as a JSON list."""
        return self.target_texts(self.predicted_targets(outputs), names)

    def target_texts(self, targets: TargetArray, names: Sequence[str]) -> list[str]:
        """Return the labels of each row as a JSON list, in alphabetical order."""
        rows = [sorted(names[index] for index in np.flatnonzero(row).tolist()) for row in targets]
        return [json.dumps(labels, ensure_ascii=False) for labels in rows]


def _counts(outputs: Outputs, targets: TargetArray, axis: int) -> tuple[Any, Any, Any]:
    """Count hits, predicted labels and present labels, summed over an axis."""
    predicted = outputs >= 0
    present = targets == 1
    return (predicted & present).sum(axis=axis), predicted.sum(axis=axis), present.sum(axis=axis)
