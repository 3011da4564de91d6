"""The steps of a recipe's `prune` list, one after the other: prune, retrain, write down."""

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
    """What pruned models are judged and retrained on.

    Attributes:
        train: Training rows.
        loss: What to minimise; its rows are those of `train`.
        plan: How to retrain; each step brings its own number of epochs.
        validation: Rows that accuracies are measured on.
        progress: Told after each training step.
        texts: Every text of `train` and `validation`, untokenized.
        time_layers: Measures this machine; None where nothing can.
    """

    train: EncodedSplit
    loss: Loss
    plan: Optimization
    validation: EncodedSplit
    progress: ProgressCallback = no_progress
    texts: tuple[str, ...] = ()
    time_layers: LayerTimer | None = None

    def planned(self, epochs: int) -> Optimization:
        """Return the plan with another number of epochs."""
        return self.plan.model_copy(update={"epochs": epochs})

    def read_by(self, old: Tokenizer, new: Tokenizer) -> RetrainingData:
        """Return the same rows with the ids of the tokenizer that a step has left."""
        if new is old:
            return self
        train, validation = (
            remap_token_ids(rows, old, new) for rows in (self.train, self.validation)
        )
        return replace(self, train=train, validation=validation)


@dataclass(frozen=True)
class Snapshot:
    """A classifier at one moment of a step.

    Attributes:
        parameters: Their number, embeddings and head included.
        nonzero: How many of them are not exactly zero.
        width: Hidden dimensions.
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
    """What one step did.

    Attributes:
        method: The step's.
        size_neutral: No shape changed: nothing became smaller on disk or faster.
        before: The model that the step was given.
        pruned: The model before retraining.
        recovered: The model after it.
        epochs: The training, epoch by epoch: what the method trained itself comes first.
    """

    method: str
    size_neutral: bool
    before: Snapshot
    pruned: Snapshot
    recovered: Snapshot
    epochs: tuple[Epoch, ...]

    def __str__(self) -> str:
        """Say in a line what the step removed and what it cost."""
        removed = (
            f"{self.before.nonzero:,} -> {self.pruned.nonzero:,} nonzero parameters, no shape"
            " changed: neither smaller nor faster"
            if self.size_neutral
            else f"{self.before.parameters:,} -> {self.pruned.parameters:,} parameters, width"
            f" {self.pruned.width}, heads {_join_counts(self.pruned.heads)}, neurons"
            f" {_join_counts(self.pruned.neurons)}"
        )
        scores = (self.before, self.pruned, self.recovered)
        path = " -> ".join(f"{score.validation_accuracy:.3f}" for score in scores)
        return f"{self.method}: {removed}; validation accuracy {path}"


@dataclass(frozen=True)
class PruningResult:
    """The pruned classifier and what each step did, in order."""

    classifier: Classifier
    reports: tuple[StepReport, ...]

    def named_reports(self) -> dict[str, StepReport]:
        """Return each step's report by a name of its own: two steps may share a method.

        Returns:
            Reports in order; a first step of method heads is `step_1_heads`.
        """
        return {f"step_{n}_{report.method}": report for n, report in enumerate(self.reports, 1)}

    def metrics(self) -> dict[str, float]:
        """Return where the steps ended, and each step's cost in validation accuracy.

        Returns:
            `parameters`, `nonzero_parameters` and `validation_accuracy` of the final model, and for
            a first step of method heads `step_1_heads_pruned_accuracy` and
            `step_1_heads_recovered_accuracy`.
        """
        named: dict[str, float] = {}
        for step, report in self.named_reports().items():
            last = report.recovered
            named[f"{step}_pruned_accuracy"] = report.pruned.validation_accuracy
            named[f"{step}_recovered_accuracy"] = last.validation_accuracy
            named |= {
                "parameters": last.parameters,
                "nonzero_parameters": last.nonzero,
                "validation_accuracy": last.validation_accuracy,
            }
        return named


def run_steps(
    steps: Sequence[PruningMethod], classifier: Classifier, recovery: RetrainingData
) -> PruningResult:
    """Take the steps in order, retraining after each.

    Args:
        steps: Pruning methods.
        classifier: The source, left as it is.
        recovery: What to judge importance on, and how to retrain.

    Returns:
        The final classifier and a report a step.
    """
    reports: list[StepReport] = []
    sparse = False
    for step in steps:
        before = _snapshot(classifier, recovery.validation)
        given = classifier.tokenizer
        classifier, trained = _prune(step, classifier, recovery, sparse)
        recovery = recovery.read_by(given, classifier.tokenizer)
        pruned = _snapshot(classifier, recovery.validation)
        sparse = sparse or step.size_neutral
        trained += _retrain(step, classifier, recovery, sparse)
        epochs = tuple(replace(epoch, number=n) for n, epoch in enumerate(trained, 1))
        recovered = _snapshot(classifier, recovery.validation)
        size_neutral = step.size_neutral
        reports.append(StepReport(step.method, size_neutral, before, pruned, recovered, epochs))
    return PruningResult(classifier, tuple(reports))


def _prune(
    step: PruningMethod, classifier: Classifier, recovery: RetrainingData, sparse: bool
) -> tuple[Classifier, tuple[Epoch, ...]]:
    """Return the pruned classifier, and the epochs that the method trained it for."""
    trained: list[Epoch] = []

    def train(
        classifier: Classifier,
        epochs: int,
        told: ProgressCallback,
        adapted: Callable[[Loss], Loss | TeacherStudentLoss] | None = None,
    ) -> None:
        def tell(done: int, total: int, loss: float) -> None:
            told(done, total, loss)
            recovery.progress(done, total, loss)

        rows, plan = recovery.train, recovery.planned(epochs)
        loss = recovery.loss if adapted is None else adapted(recovery.loss)
        with _hold_zeros_if(classifier, sparse):
            trained.extend(train_epochs(classifier, rows, loss, plan, recovery.validation, tell))

    judged_by = _importance_sample(recovery)
    evidence = PruningContext(*judged_by, recovery.texts, train, recovery.time_layers)
    return step.prune(classifier, evidence), tuple(trained)


def _retrain(
    step: PruningMethod, classifier: Classifier, recovery: RetrainingData, sparse: bool
) -> tuple[Epoch, ...]:
    plan = recovery.planned(step.recovery_epochs)
    with _hold_zeros_if(classifier, sparse):
        return fit(
            classifier, recovery.train, recovery.loss, plan, recovery.validation, recovery.progress
        )


def _hold_zeros_if(classifier: Classifier, sparse: bool) -> AbstractContextManager[None]:
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


def _importance_sample(recovery: RetrainingData) -> tuple[EncodedSplit, Loss]:
    """The same training rows for every step and every run, and the loss over their numbers."""
    train = recovery.train
    if len(train) <= SAMPLE_ROWS:
        return train, recovery.loss
    rows = np.sort(np.random.default_rng(0).choice(len(train), SAMPLE_ROWS, replace=False))
    sample = replace(
        train,
        input_ids=tuple(train.input_ids[row] for row in rows),
        token_type_ids=tuple(train.token_type_ids[row] for row in rows),
        # Rows without a label come last, in the split as in the sample.
        labels=train.labels[rows[rows < len(train.labels)]],
    )
    chosen = torch.from_numpy(rows)
    return sample, lambda logits, of_sample: recovery.loss(logits, chosen[of_sample])


def _join_counts(counts: Sequence[int]) -> str:
    return "/".join(str(count) for count in counts)
