"""Runs the steps of a recipe's `prune` list: prune, retrain, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from coldpress.kinds.vectors import validation_metric
from coldpress.model.classifier import (
    Classifier,
    count_nonzero_parameters,
    count_parameters,
    score,
)
from coldpress.pruning.context import PruningContext
from coldpress.pruning.method import PruningMethod
from coldpress.training.loop import Epoch


@dataclass(frozen=True)
class Snapshot:
    """Size and score of a classifier before or after a step.

    Attributes:
        parameters: Number of parameters, including embeddings and head.
        nonzero: Number of parameters that are not exactly zero.
        width: Hidden size.
        heads: Attention heads of each layer.
        neurons: Feed-forward neurons of each layer.
        validation_score: First metric of the task kind.
    """

    parameters: int
    nonzero: int
    width: int
    heads: tuple[int, ...]
    neurons: tuple[int, ...]
    validation_score: float


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
        metric: Name of the validation score.
    """

    method: str
    size_neutral: bool
    before: Snapshot
    pruned: Snapshot
    recovered: Snapshot
    epochs: tuple[Epoch, ...]
    metric: str = "accuracy"

    def __str__(self) -> str:
        """Describe in one line what was removed, and the validation score before and after."""
        removed = (
            f"{self.before.nonzero:,} -> {self.pruned.nonzero:,} nonzero parameters, no shape"
            " changed: neither smaller nor faster"
            if self.size_neutral
            else f"{self.before.parameters:,} -> {self.pruned.parameters:,} parameters, width"
            f" {self.pruned.width}, heads {_join_counts(self.pruned.heads)}, neurons"
            f" {_join_counts(self.pruned.neurons)}"
        )
        snapshots = (self.before, self.pruned, self.recovered)
        scores = " -> ".join(f"{s.validation_score:.3f}" for s in snapshots)
        return f"{self.method}: {removed}; validation {self.metric} {scores}"


@dataclass(frozen=True)
class PruningResult:
    """The pruned classifier and a report of each step, in order."""

    classifier: Classifier
    reports: tuple[StepReport, ...]

    def reports_by_name(self) -> dict[str, StepReport]:
        """Return the reports by unique names such as `step_1_heads`, in order."""
        return {f"step_{n}_{report.method}": report for n, report in enumerate(self.reports, 1)}

    def metrics(self) -> dict[str, float]:
        """Return the metrics of the final model, and the validation scores of each step.

        Returns:
            For classification, `parameters`, `nonzero_parameters` and `validation_accuracy` of the
            final model, and for a first step with the method heads `step_1_heads_pruned_accuracy`
            and `step_1_heads_recovered_accuracy`.
        """
        metrics: dict[str, float] = {}
        for step, report in self.reports_by_name().items():
            last = report.recovered
            metrics[f"{step}_pruned_{report.metric}"] = report.pruned.validation_score
            metrics[f"{step}_recovered_{report.metric}"] = last.validation_score
            metrics |= {
                "parameters": last.parameters,
                "nonzero_parameters": last.nonzero,
                f"validation_{report.metric}": last.validation_score,
            }
        return metrics


def run_steps(
    steps: Sequence[PruningMethod], classifier: Classifier, context: PruningContext
) -> PruningResult:
    """Run the steps in order, and retrain after each.

    Args:
        steps: Pruning methods.
        classifier: The source; not changed.
        context: For measuring importance and for retraining.
    """
    reports: list[StepReport] = []
    metric = validation_metric(classifier.kind).name
    for step in steps:
        before = _snapshot(classifier, context)
        tokenizer = classifier.tokenizer
        classifier, history = _prune(step, classifier, context)
        context = replace(
            context,
            data=context.data.for_model(classifier, tokenizer),
            keep_zeros=context.keep_zeros or step.size_neutral,
        )
        pruned = _snapshot(classifier, context)
        history += context.retrain(classifier, step.recovery_epochs)
        epochs = tuple(replace(epoch, number=n) for n, epoch in enumerate(history, 1))
        recovered = _snapshot(classifier, context)
        size_neutral = step.size_neutral
        reports.append(
            StepReport(step.method, size_neutral, before, pruned, recovered, epochs, metric)
        )
    return PruningResult(classifier, tuple(reports))


def _prune(
    step: PruningMethod, classifier: Classifier, context: PruningContext
) -> tuple[Classifier, tuple[Epoch, ...]]:
    """Return the pruned classifier, and the epochs that the method itself trained it for."""
    history: list[Epoch] = []

    def collect(_: str, epochs: tuple[Epoch, ...]) -> None:
        history.extend(epochs)

    pruned = step.prune(classifier, replace(context, report_epochs=collect))
    return pruned, tuple(history)


def _snapshot(classifier: Classifier, context: PruningContext) -> Snapshot:
    validation = context.data.validation
    return Snapshot(
        parameters=count_parameters(classifier),
        nonzero=count_nonzero_parameters(classifier),
        width=int(classifier.config.hidden_size),
        heads=tuple(shape.heads for shape in classifier.shapes),
        neurons=tuple(shape.neurons for shape in classifier.shapes),
        validation_score=score(classifier, validation),
    )


def _join_counts(counts: Sequence[int]) -> str:
    return "/".join(str(count) for count in counts)
