"""Runs the steps of a recipe's `prune` list: prune, retrain, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from tokenizers import Tokenizer

from coldpress.data.encoding import EncodedSplit, remap_token_ids
from coldpress.model.activations import TeacherStudentLoss
from coldpress.model.classifier import (
    Classifier,
    accuracy,
    count_nonzero_parameters,
    count_parameters,
)
from coldpress.pruning.method import LayerTimer, PruningContext, PruningMethod
from coldpress.pruning.sparsity import hold_zeros
from coldpress.schema.section import Optimization
from coldpress.training.loop import Epoch, Loss, ProgressCallback, fit, no_progress, train_epochs

SAMPLE_ROWS = 1024


@dataclass(frozen=True)
class RetrainingData:
    """Data and settings for measuring importance and for retraining.

    Attributes:
        train: Training rows.
        loss: The training loss, for row numbers of `train`.
        plan: Settings of retraining; each step has its own number of epochs.
        validation: Rows to measure accuracies on.
        progress: Called after each training step.
        texts: All texts of `train` and `validation`, not encoded.
        time_layers: Measures layers on this machine; None if that is not possible.
    """

    train: EncodedSplit
    loss: Loss
    plan: Optimization
    validation: EncodedSplit
    progress: ProgressCallback = no_progress
    texts: tuple[str, ...] = ()
    time_layers: LayerTimer | None = None

    def plan_for(self, epochs: int) -> Optimization:
        """Return the plan with another number of epochs."""
        return self.plan.model_copy(update={"epochs": epochs})

    def remap_token_ids(self, old: Tokenizer, new: Tokenizer) -> RetrainingData:
        """Return the same rows with the token ids of a tokenizer that a step has changed."""
        if new is old:
            return self
        train, validation = (
            remap_token_ids(rows, old, new) for rows in (self.train, self.validation)
        )
        return replace(self, train=train, validation=validation)


@dataclass(frozen=True)
class Snapshot:
    """Size and accuracy of a classifier before or after a step.

    Attributes:
        parameters: Number of parameters, including embeddings and head.
        nonzero: Number of parameters that are not exactly zero.
        width: Hidden size.
        heads: Attention heads of each layer.
        neurons: Feed-forward neurons of each layer.
        validation_accuracy: As a fraction.
    """

    parameters: int
    nonzero: int
    width: int
    heads: tuple[int, ...]
    neurons: tuple[int, ...]
    validation_accuracy: float


@dataclass(frozen=True)
class StepReport:
    """The effect of one step.

    Attributes:
        method: Name of the method.
        size_neutral: True if no shape changed, so that the model gets neither smaller nor faster.
        before: The model before the step.
        pruned: The model before retraining.
        recovered: The model after retraining.
        epochs: All epochs of training; those of the method itself come first.
    """

    method: str
    size_neutral: bool
    before: Snapshot
    pruned: Snapshot
    recovered: Snapshot
    epochs: tuple[Epoch, ...]

    def __str__(self) -> str:
        """Describe in one line what was removed, and the accuracy before and after."""
        removed = (
            f"{self.before.nonzero:,} -> {self.pruned.nonzero:,} nonzero parameters, no shape"
            " changed: neither smaller nor faster"
            if self.size_neutral
            else f"{self.before.parameters:,} -> {self.pruned.parameters:,} parameters, width"
            f" {self.pruned.width}, heads {_join_counts(self.pruned.heads)}, neurons"
            f" {_join_counts(self.pruned.neurons)}"
        )
        snapshots = (self.before, self.pruned, self.recovered)
        accuracies = " -> ".join(f"{s.validation_accuracy:.3f}" for s in snapshots)
        return f"{self.method}: {removed}; validation accuracy {accuracies}"


@dataclass(frozen=True)
class PruningResult:
    """The pruned classifier and a report of each step, in order."""

    classifier: Classifier
    reports: tuple[StepReport, ...]

    def reports_by_name(self) -> dict[str, StepReport]:
        """Return the reports by unique names such as `step_1_heads`, in order."""
        return {f"step_{n}_{report.method}": report for n, report in enumerate(self.reports, 1)}

    def metrics(self) -> dict[str, float]:
        """Return the metrics of the final model, and the validation accuracies of each step.

        Returns:
            `parameters`, `nonzero_parameters` and `validation_accuracy` of the final model, and for
            a first step with the method heads `step_1_heads_pruned_accuracy` and
            `step_1_heads_recovered_accuracy`.
        """
        metrics: dict[str, float] = {}
        for step, report in self.reports_by_name().items():
            last = report.recovered
            metrics[f"{step}_pruned_accuracy"] = report.pruned.validation_accuracy
            metrics[f"{step}_recovered_accuracy"] = last.validation_accuracy
            metrics |= {
                "parameters": last.parameters,
                "nonzero_parameters": last.nonzero,
                "validation_accuracy": last.validation_accuracy,
            }
        return metrics


def run_steps(
    steps: Sequence[PruningMethod], classifier: Classifier, data: RetrainingData
) -> PruningResult:
    """Run the steps in order, and retrain after each.

    Args:
        steps: Pruning methods.
        classifier: The source; not changed.
        data: For measuring importance and for retraining.
    """
    reports: list[StepReport] = []
    sparse = False
    for step in steps:
        before = _snapshot(classifier, data.validation)
        tokenizer = classifier.tokenizer
        classifier, history = _prune(step, classifier, data, sparse)
        data = data.remap_token_ids(tokenizer, classifier.tokenizer)
        pruned = _snapshot(classifier, data.validation)
        sparse = sparse or step.size_neutral
        history += _retrain(step, classifier, data, sparse)
        epochs = tuple(replace(epoch, number=n) for n, epoch in enumerate(history, 1))
        recovered = _snapshot(classifier, data.validation)
        size_neutral = step.size_neutral
        reports.append(StepReport(step.method, size_neutral, before, pruned, recovered, epochs))
    return PruningResult(classifier, tuple(reports))


def _prune(
    step: PruningMethod, classifier: Classifier, data: RetrainingData, sparse: bool
) -> tuple[Classifier, tuple[Epoch, ...]]:
    """Return the pruned classifier, and the epochs that the method itself trained it for."""
    history: list[Epoch] = []

    def train(
        classifier: Classifier,
        epochs: int,
        progress: ProgressCallback,
        adapt_loss: Callable[[Loss], Loss | TeacherStudentLoss] | None = None,
    ) -> None:
        def report_step(step: int, steps: int, loss: float) -> None:
            progress(step, steps, loss)
            data.progress(step, steps, loss)

        plan = data.plan_for(epochs)
        loss = data.loss if adapt_loss is None else adapt_loss(data.loss)
        with _hold_zeros_if(sparse, classifier):
            history.extend(
                train_epochs(classifier, data.train, loss, plan, data.validation, report_step)
            )

    sample, loss = _importance_sample(data)
    context = PruningContext(sample, loss, data.texts, train, data.time_layers)
    return step.prune(classifier, context), tuple(history)


def _retrain(
    step: PruningMethod, classifier: Classifier, data: RetrainingData, sparse: bool
) -> tuple[Epoch, ...]:
    plan = data.plan_for(step.recovery_epochs)
    with _hold_zeros_if(sparse, classifier):
        return fit(classifier, data.train, data.loss, plan, data.validation, data.progress)


def _hold_zeros_if(sparse: bool, classifier: Classifier) -> AbstractContextManager[None]:
    return hold_zeros(classifier) if sparse else nullcontext()


def _snapshot(classifier: Classifier, validation: EncodedSplit) -> Snapshot:
    return Snapshot(
        parameters=count_parameters(classifier),
        nonzero=count_nonzero_parameters(classifier),
        width=int(classifier.config.hidden_size),
        heads=tuple(shape.heads for shape in classifier.shapes),
        neurons=tuple(shape.neurons for shape in classifier.shapes),
        validation_accuracy=accuracy(classifier.logits(validation), validation.labels.tolist()),
    )


def _importance_sample(data: RetrainingData) -> tuple[EncodedSplit, Loss]:
    """Return the same sample of the training rows every time, and the loss for its row numbers."""
    train = data.train
    if len(train) <= SAMPLE_ROWS:
        return train, data.loss
    rows = np.sort(np.random.default_rng(0).choice(len(train), SAMPLE_ROWS, replace=False))
    sample = replace(
        train,
        input_ids=tuple(train.input_ids[row] for row in rows),
        token_type_ids=tuple(train.token_type_ids[row] for row in rows),
        # Unlabelled rows come last, in the split as in the sample.
        labels=train.labels[rows[rows < len(train.labels)]],
    )
    train_rows = torch.from_numpy(rows)
    return sample, lambda logits, sample_rows: data.loss(logits, train_rows[sample_rows])


def _join_counts(counts: Sequence[int]) -> str:
    return "/".join(str(count) for count in counts)
