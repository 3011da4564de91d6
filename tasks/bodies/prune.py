"""Prune the student step by step, retraining it after each step."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from tasks.execution import data

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.fisher.latency_search import LatencyTable
    from coldpress.recipe.recipe import Recipe
    from tasks.execution.body_context import BodyContext


def section(recipe: Recipe) -> dict[str, object]:
    """Return the steps, and the settings of retraining."""
    return {"steps": recipe.prune, "recovery": recipe.recovery}


def trains(recipe: Recipe) -> bool:
    """Return whether any step trains or is followed by retraining."""
    return any(step.trains or step.recovery_epochs for step in recipe.prune or ())


def prune(context: BodyContext) -> dict[str, float]:
    """Remove what the loss is least sensitive to; retrain on the soft targets after each step.

    Args:
        context: Its inputs are the student and the soft targets.

    Returns:
        The metrics of the stage.
    """
    from coldpress import ranks
    from coldpress.distillation import soft_targets, transfer
    from coldpress.kinds.vectors import validation_metric
    from coldpress.model import serialization
    from coldpress.pruning.context import PruningContext
    from coldpress.pruning.pipeline import run_steps
    from coldpress.training import loop

    recipe = context.recipe
    validation = data.load_benchmark(recipe).validation
    loop.reseed(recipe.seed, context.stage)
    student = serialization.load_classifier(context.inputs[0])
    targets = soft_targets.load_soft_targets(context.inputs[1].path)
    rows = targets.transfer_set(data.load_transfer_set(recipe))
    training = transfer.soft_target_data(student, recipe.recovery, targets, rows, validation)
    latency = _LatencyRecorder()
    pruning = PruningContext(
        training,
        plan=recipe.recovery,
        texts=rows.all_texts,
        progress=context.progress,
        time_layers=latency,
    )
    pruned = run_steps(context.section["steps"], student, pruning)
    notes = {"steps": [str(report) for report in pruned.reports], **latency.notes()}
    if ranks.is_first():
        serialization.write_checkpoint(pruned.classifier, context.target, context.manifest(notes))
    epochs = {name: report.epochs for name, report in pruned.reports_by_name().items()}
    context.log_epochs(epochs, validation_metric(student.kind).name)
    return pruned.metrics()


class _LatencyRecorder:
    """Measures layer latencies and keeps the tables, since another run would measure others."""

    def __init__(self) -> None:
        self._tables: list[LatencyTable] = []

    def __call__(self, classifier: Classifier, rows: EncodedSplit) -> LatencyTable:
        from coldpress import ranks
        from coldpress.onnx import layer_latency
        from coldpress.pruning.fisher.latency_search import LatencyTable

        def measure() -> str:
            return json.dumps(asdict(layer_latency.measure_layer_latency(classifier, rows)))

        # Every rank must remove the same heads and neurons.
        table = TypeAdapter(LatencyTable).validate_json(ranks.from_first(measure))
        self._tables.append(table)
        return table

    def notes(self) -> dict[str, Any]:
        if not self._tables:
            return {}
        return {"latency_tables": [asdict(table) for table in self._tables]}
