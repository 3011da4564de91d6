"""Interface of task kinds: what a model predicts, and how it is trained and evaluated on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from coldpress.kinds.scores import Metric, SampleScores, TargetGroup

if TYPE_CHECKING:
    from torch import Tensor

    from coldpress.data.rows import Rows
    from coldpress.data.sources import Columns
    from coldpress.data.splits import Split, Target

Outputs = NDArray[np.floating[Any]]
"""Outputs of a model before any activation, shape (rows, outputs)."""

TargetArray = NDArray[Any]
"""Targets of rows: int64 class indices or float64 numbers of shape (rows,); or several values for
each row, such as 0 or 1 for every label, of shape (rows, values)."""

Activation = Literal["softmax", "sigmoid", "none"]
"""Function that the predictor applies to the outputs: `softmax` for the probabilities of labels of
which one applies, `sigmoid` for those of labels of which any number apply."""

HeadName = Literal["text", "tokens", "sentence"]
"""The output head: one output vector for a text, one for each of its tokens, or, without a
classifier, a vector that is made of the token vectors."""


class TaskKind(Protocol):
    """A kind of task: one file, registered in `coldpress.kinds`.

    A kind has no state. Names are those of a model's outputs: label names for a classifier.

    A sample is what is independent of all others: the row for most kinds. Samples are resampled by
    the bootstrap, compared by paired tests, and listed if they were lost. A sample has one or
    several units, each with its own outputs and targets.
    """

    @property
    def name(self) -> str:
        """Value of `benchmark.kind` in recipes."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Metrics of the scorecard; the first one selects epochs and is checked by the gate."""

    @property
    def sample_metric(self) -> Metric:
        """Mean of the sample scores: the metric of slices."""

    @property
    def samples_title(self) -> str:
        """Name of the samples in sentences, as in `rows`."""

    @property
    def is_classification(self) -> bool:
        """True if each row has one of several classes, and sample scores are 0 or 1.

        The largest output is then the prediction, `activation` is `softmax`, and the metrics are
        `accuracy` and `macro_f1`. Such models are compared by exact tests.
        """

    @property
    def has_labels(self) -> bool:
        """True if a model's outputs stand for labels with probabilities, one output for each.

        Predictions can then be compared for equality, and the outputs be calibrated.
        """

    @property
    def has_target_groups(self) -> bool:
        """True if `target_groups` returns groups; otherwise only slices are compared."""

    @property
    def head(self) -> HeadName:
        """The kind of output head that models have."""

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

    def output_names(self, train: Rows, columns: Columns) -> tuple[str, ...]:
        """Return the names of a model's outputs.

        Args:
            train: The training rows.
            columns: Names of the text and target columns.

        Raises:
            InputError: The targets cannot be learned, such as those of a single class.
        """

    def read_targets(
        self, rows: Rows, columns: Columns, names: Sequence[str]
    ) -> tuple[Target, ...]:
        """Return one target per row.

        Args:
            rows: Rows of any split.
            columns: Names of the text and target columns.
            names: Names of the outputs.

        Raises:
            InputError: A value is not a valid target; the message names its row.
        """

    def check_split(self, targets: Sequence[Any], rows: Rows) -> None:
        """Check that the metrics are defined for a validation or test split.

        Args:
            targets: Of all rows of the split.
            rows: The source of the split, to name it or one of its rows in a message.

        Raises:
            InputError: They are not, such as the correlation of targets that are all equal.
        """

    def strata(self, targets: Sequence[Any]) -> list[int] | list[int | None]:
        """Return a stratum per sample: splits contain the same share of each stratum.

        Samples with None stay among the training rows.
        """

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

    def samples(self, targets: TargetArray) -> NDArray[np.int64]:
        """Return the number of each unit's sample, from 0 without gaps, shape (units,)."""

    def split_samples(self, split: Split) -> Split:
        """Return a split with one row per sample, in the order of their numbers, to slice by.

        Args:
            split: Labelled rows.
        """

    def scale(self, targets: TargetArray) -> float:
        """Return the unit in which `sample_scores` measures errors.

        Args:
            targets: Of the test rows that a model was evaluated on, as in `Split.target_array`.
        """

    def sample_scores(self, outputs: Outputs, targets: TargetArray, scale: float) -> SampleScores:
        """Score every sample from 0 to 1, so that groups of samples can be compared.

        Args:
            outputs: Shape (rows, outputs).
            targets: As in `Split.target_array`.
            scale: From `scale`.
        """

    def agreement(self, outputs: Outputs, others: Outputs, targets: TargetArray) -> float:
        """Measure how far two models predict the same; 1 if their predictions are equal.

        Args:
            outputs: Shape (units, outputs).
            others: Outputs of the other model, shape (units, outputs).
            targets: Of the same units, for kinds that compare the units of a sample.
        """

    def predicted_targets(self, outputs: Outputs) -> TargetArray:
        """Return the predictions in the form of targets, shape (rows,)."""

    def confidence(self, outputs: Outputs) -> NDArray[np.float64] | None:
        """Return the probability of each sample's prediction, shape (samples,); None without."""

    def target_groups(
        self, outputs: Outputs, targets: TargetArray, names: Sequence[str], scale: float
    ) -> list[TargetGroup]:
        """Group items by target, and score them; empty groups are left out.

        Names and items depend on the targets only, so that groups of two models can be paired.

        Args:
            outputs: Of a model, shape (units, outputs).
            targets: Of the same units.
            names: Names of the outputs.
            scale: From `scale`.
        """

    def prediction_texts(
        self, outputs: Outputs, targets: TargetArray, names: Sequence[str]
    ) -> list[str]:
        """Return the prediction for each sample as text, for reports."""

    def target_texts(self, targets: TargetArray, names: Sequence[str]) -> list[str]:
        """Return the target of each sample as text: equal texts mean equal targets."""
