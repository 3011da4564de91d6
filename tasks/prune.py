"""Prune: take heads, neurons or weights out of the student, step by step, and let it recover."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.execution import data
from tasks.execution.stage import StageContext, StageSpec, run_stage
from tasks.tracking import runs

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.fisher.latency_search import LatencyTable
    from coldpress.recipe.recipe import Recipe
    from tasks.tracking.results import StageResult


@task(name="prune", cache_policy=NO_CACHE)
def prune(recipe: Recipe, student: StageResult, soft_targets: StageResult) -> StageResult:
    """Remove what the loss is least sensitive to; retrain on the soft targets after each step."""
    if not recipe.prune:
        return student.skipped_as("prune")
    section = {"steps": recipe.prune, "recovery": recipe.recovery}
    return run_stage(StageSpec("prune", __name__, recipe, section, (student, soft_targets)), _prune)


def _prune(work: StageContext) -> dict[str, float]:
    from coldpress.distillation import soft_targets as answers
    from coldpress.distillation import transfer
    from coldpress.model import serialization
    from coldpress.pruning.pipeline import RetrainingData, run_steps
    from coldpress.training import loop

    recipe, plan = work.order.recipe, work.order.recipe.recovery
    validation = data.load_benchmark(recipe).validation
    loop.reseed(recipe.seed, work.order.stage)
    student = serialization.load_classifier(work.inputs[0])
    given = answers.load_soft_targets(work.inputs[1].path)
    rows = given.transfer_set(data.load_transfer_set(recipe))
    shown = transfer.build_distillation_data(student, plan, given, rows, validation)
    texts = (*rows.all_texts, *validation.all_texts)
    timing = _LatencyRecorder()
    recovery = RetrainingData(
        shown.train, shown.loss, plan, shown.validation, work.progress, texts, timing
    )
    pressed = run_steps(work.order.section["steps"], student, recovery)
    notes = {"steps": [str(report) for report in pressed.reports], **timing.notes()}
    serialization.write_checkpoint(pressed.classifier, work.target, work.manifest(notes))
    for step, report in pressed.reports_by_name().items():
        runs.log_epochs(work.run_id, report.epochs, f"{step}_")
    return pressed.metrics()


class _LatencyRecorder:
    """Measures layers, and keeps the tables: another run measures others, and may choose others."""

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
