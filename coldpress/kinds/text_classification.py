"""Text classification: one of several labels for a text or a pair of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from coldpress.data import synthetic
from coldpress.data.label_lists import check_labels_known, check_names_differ
from coldpress.data.rows import Rows, extract_labels
from coldpress.data.section import BenchmarkSection
from coldpress.data.sources import Columns, TextColumns
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.kinds.kind import HeadName, Outputs, TargetArray
from coldpress.kinds.scores import Metric, SampleScores, TargetGroup
from coldpress.kinds.softmax_losses import cross_entropy, softened_divergence

if TYPE_CHECKING:
    from torch import Tensor


class LabelColumns(TextColumns):
    """Names of the source's columns for the text, the optional second text and the label."""

    label: Annotated[str, Field(min_length=1, description="Column of the label.")] = "label"

    def generate_rows(self, count: int, seed: str) -> Mapping[str, Sequence[str]]:
        """Generate customer requests and their intents, see `coldpress.data.synthetic`.

        Args:
            count: Number of rows.
            seed: The same seed gives the same rows in every process and on every machine.

        Returns:
            Values by column.
        """
        texts, labels = zip(*synthetic.generate(count, seed), strict=True)
        return {self.text: texts, self.label: labels}


class TextClassificationBenchmark(BenchmarkSection):
    """Dataset for text classification: each row has one of several labels."""

    kind: Literal["text-classification"]
    columns: LabelColumns = LabelColumns()


class TextClassification:
    """One of several labels for each row: softmax, cross-entropy, accuracy."""

    name = "text-classification"
    metrics = (Metric("accuracy", "accuracy", "accuracy"), Metric("macro_f1", "macro F1", "f1"))
    sample_metric = metrics[0]
    samples_title = "rows"
    is_classification = True
    has_labels = True
    has_target_groups = True
    head: HeadName = "text"
    activation: Literal["softmax"] = "softmax"
    stratum_title = "class"
    problem_types = (None, "single_label_classification")
    model_title = "classifier"
    pipeline_tag = "text-classification"

    def output_names(self, train: Rows, columns: Columns) -> tuple[str, ...]:
        """Return the sorted label names of the training rows.

        Args:
            train: The training rows.
            columns: Names of the text and label columns.

        Raises:
            InputError: There is a single class, or two names look the same in a table.
        """
        labels = tuple(sorted(set(extract_labels(train, columns.target_column))))
        if len(labels) < 2:
            raise InputError(f"{train.location} has a single class, {labels[0]!r}")
        check_names_differ(labels, train.location)
        return labels

    def read_targets(self, rows: Rows, columns: Columns, names: Sequence[str]) -> tuple[int, ...]:
        """Return the index of each row's label.

        Args:
            rows: Rows of any split.
            columns: Names of the text and label columns.
            names: Label names.

        Raises:
            InputError: A label is missing, or is not one of `names`.
        """
        index = {name: i for i, name in enumerate(names)}
        labels = extract_labels(rows, columns.target_column)
        for row, label in enumerate(labels):
            check_labels_known([label], index, rows.locate(row))
        return tuple(index[label] for label in labels)

    def check_split(self, targets: Sequence[float], rows: Rows) -> None:
        """Accept every split: accuracy is defined for a single row."""

    def strata(self, targets: Sequence[float]) -> list[int]:
        """Stratify by class."""
        return [int(target) for target in targets]

    def hard_loss(
        self, outputs: Tensor, targets: Tensor, reduction: Literal["mean", "sum"] = "mean"
    ) -> Tensor:
        """Compute the cross-entropy of logits (batch, labels) against class indices (batch,)."""
        return cross_entropy(outputs, targets, reduction)

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, temperature: float) -> Tensor:
        """Compute the KL divergence of the softened distributions: `softened_divergence`."""
        return softened_divergence(outputs, teacher_outputs, temperature)

    def scores(self, outputs: Outputs, targets: TargetArray) -> dict[str, float]:
        """Compute accuracy, and the mean F1 over the classes that occur in labels or predictions.

        Args:
            outputs: Logits, shape (rows, labels).
            targets: Class indices, shape (rows,).

        Returns:
            Fractions by name.
        """
        from sklearn.metrics import f1_score

        macro_f1 = float(f1_score(targets, outputs.argmax(axis=1), average="macro"))
        return {"accuracy": self.main_score(outputs, targets), "macro_f1": macro_f1}

    def main_score(self, outputs: Outputs, targets: TargetArray) -> float:
        """Compute the accuracy: the share of rows whose largest logit is that of their label."""
        return float(np.mean(outputs.argmax(axis=1) == targets))

    def samples(self, targets: TargetArray) -> NDArray[np.int64]:
        """Return the row numbers: every row is a sample."""
        return np.arange(len(targets))

    def split_samples(self, split: Split) -> Split:
        """Return the split itself: every row is a sample."""
        return split

    def scale(self, targets: TargetArray) -> float:  # noqa: ARG002
        """Return 1: a prediction is right or wrong."""
        return 1.0

    def sample_scores(self, outputs: Outputs, targets: TargetArray, scale: float) -> SampleScores:  # noqa: ARG002
        """Return 1 for each correct row and 0 for each wrong one, shape (rows,)."""
        return np.asarray(outputs.argmax(axis=1) == targets, dtype=np.float64)

    def agreement(self, outputs: Outputs, others: Outputs, targets: TargetArray) -> float:  # noqa: ARG002
        """Return the share of rows with the same prediction, correct or not."""
        return float(np.mean(outputs.argmax(axis=1) == others.argmax(axis=1)))

    def predicted_targets(self, outputs: Outputs) -> TargetArray:
        """Return the indices of the predicted labels, shape (rows,)."""
        return np.asarray(outputs.argmax(axis=1))

    def confidence(self, outputs: Outputs) -> NDArray[np.float64]:
        """Return the probability of each predicted label, shape (rows,)."""
        from scipy.special import softmax  # slow to import, and a report only reads results

        return np.asarray(softmax(outputs.astype(np.float64), axis=1).max(axis=1))

    def target_groups(
        self, outputs: Outputs, targets: TargetArray, names: Sequence[str], scale: float
    ) -> list[TargetGroup]:
        """Group the rows by class: accuracy on a group is the recall of the class."""
        scores = self.sample_scores(outputs, targets, scale)
        members = [np.flatnonzero(targets == index).tolist() for index in range(len(names))]
        return [
            TargetGroup(f"label {name}", tuple(rows), scores[rows])
            for name, rows in zip(names, members, strict=True)
            if rows
        ]

    def prediction_texts(
        self,
        outputs: Outputs,
        targets: TargetArray,  # noqa: ARG002
        names: Sequence[str],
    ) -> list[str]:
        """Return the name of each predicted label."""
        return [names[index] for index in outputs.argmax(axis=1)]

    def target_texts(self, targets: TargetArray, names: Sequence[str]) -> list[str]:
        """Return the name of each row's label."""
        return [names[index] for index in targets]
