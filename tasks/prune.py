"""Prune the student step by step, retraining it after each step."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.execution import data
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageContext, StageSpec
from tasks.tracking import curves

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.fisher.latency_search import LatencyTable
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking.results import StageResult


@task(name="prune", cache_policy=NO_CACHE)
def prune(run: PipelineRun, student: StageResult, soft_targets: StageResult) -> StageResult:
    """Remove what the loss is least sensitive to; retrain on the soft targets after each step."""
    recipe = run.recipe
    if not recipe.prune:
        return student.skipped_as("prune")
    section = {"steps": recipe.prune, "recovery": recipe.recovery}
    return run_stage(StageSpec(run, "prune", section, (student, soft_targets)), _prune)


def _prune(context: StageContext) -> dict[str, float]:
    from coldpress.data.columns import join
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
        texts=join(rows.all_texts, validation.all_texts),
        progress=context.progress,
        time_layers=latency,
    )
    pruned = run_steps(context.section["steps"], student, pruning)
    notes = {"steps": [str(report) for report in pruned.reports], **latency.notes()}
    serialization.write_checkpoint(pruned.classifier, context.target, context.manifest(notes))
    epochs = {name: report.epochs for name, report in pruned.reports_by_name().items()}
    curves.log_epochs(context.run_id, epochs, validation_metric(student.kind).name)
    return pruned.metrics()


class _LatencyRecorder:
    """Measures layer latencies and keeps the tables, since another run would measure others."""

    def __init__(self) -> None:
        self._tables: list[LatencyTable] = []

    def __call__(self, classifier: Classifier, rows: EncodedSplit) -> LatencyTable:
        from coldpress.onnx import layer_latency

        self._tables.append(layer_latency.measure_layer_latency(classifier, rows))
        return self._tables[-1]

    def notes(self) -> dict[str, Any]:
        if not self._tables:
            return {}
        return {"latency_tables": [asdict(table) for table in self._tables]}
