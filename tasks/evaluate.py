"""Evaluate: open the test split, once, for all stages' models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress import cpu
from tasks.execution import data
from tasks.execution.stage import StageContext, StageSpec, run_stage
from tasks.tracking import history, runs

if TYPE_CHECKING:
    from coldpress.evaluation.scorecard.scorecard import Evaluation
    from coldpress.gate import Gate
    from coldpress.recipe.recipe import Recipe
    from tasks.tracking.results import StageResult


@task(name="evaluate", cache_policy=NO_CACHE)
def evaluate(recipe: Recipe, models: Sequence[StageResult]) -> StageResult:
    """Judge every model that this recipe made, paired and timed in turns."""
    made = tuple(model for model in models if model.status != "skipped")
    also = {**cpu.kernel_environment(), "columns": data.columns_digest(recipe)}
    order = StageSpec(
        "evaluate",
        __name__,
        recipe,
        recipe.evaluate,
        made,
        also,
        may_reuse=lambda result: may_reuse(result, recipe.gate),
    )
    return run_stage(order, _evaluate)


def may_reuse(result: StageResult, gate: Gate | None) -> bool:
    """Whether an earlier evaluation need not be measured again.

    Args:
        result: The earlier one.
        gate: What the recipe asks for now.

    Returns:
        False where the speed-up could not be determined, or where the gate refuses timings that a
        quiet machine may let pass.
    """
    metrics = result.metrics
    if "speedup" not in metrics:
        return False
    # Results of earlier releases have no measure of contention.
    if gate is None or not metrics.get("contention"):
        return True
    slow = gate.max_p95_ms is not None and metrics["p95_ms"] > gate.max_p95_ms
    least = gate.min_speedup or 0.0
    return not slow and not metrics["speedup_low"] < least <= metrics["speedup_high"]


def _evaluate(work: StageContext) -> dict[str, float]:
    from coldpress.drift import profile
    from coldpress.evaluation import predictions
    from coldpress.evaluation.subgroups import flips
    from coldpress.model.checkpoint import new_checkpoint
    from coldpress.onnx import candidates
    from coldpress.report.figures import equity, waterfall

    recipe, benchmark = work.order.recipe, data.load_benchmark(work.order.recipe)
    opened = _record_opening(work.run_id, benchmark.test_digest)
    models = candidates.EvaluationInputs(
        work.inputs, benchmark, recipe.evaluate, recipe.export.opset
    )
    judgement = candidates.evaluate_pipeline(models)
    evaluation = judgement.evaluation
    with new_checkpoint(work.target, work.manifest()) as directory:
        evaluation.write(directory)
        predictions.write_predictions(judgement.predictions, directory)
        profile.write_profile(
            profile.build_profile(benchmark.test, work.inputs[-1].path), directory
        )
        flips.write_flips(judgement.flips, directory)
        waterfall.draw_waterfall(evaluation, directory / "waterfall.png")
        equity.draw_equity(evaluation, directory / "equity.png")
    runs.log_rows(work.run_id, waterfall.waterfall_table(evaluation), "waterfall.json")
    runs.log_rows(work.run_id, flips.flip_table(judgement.flips), "flips.json")
    return {**_headline_metrics(evaluation), "test_openings": opened}


def _record_opening(run_id: str, test_digest: str) -> int:
    """Write down that these test rows are looked at, and return for the how manieth time."""
    runs.set_tags(run_id, {"test_digest": test_digest})
    return history.count_test_evaluations(test_digest) + 1


def _headline_metrics(evaluation: Evaluation) -> dict[str, float]:
    final = evaluation.models["onnx"]
    numbers = {
        "accuracy": final.accuracy,
        "retention": final.retention,
        "speedup": final.speedup,
        "compression": final.compression,
    }
    quality = {name: value for name, value in numbers.items() if value is not None}
    return {**quality, **_timing_metrics(evaluation)}


def _timing_metrics(evaluation: Evaluation) -> dict[str, float]:
    """What `may_reuse` asks of an earlier evaluation."""
    from coldpress.evaluation.performance.contention import worst_contention

    final, numbers = evaluation.models["onnx"], dict[str, float]()
    worst_case = worst_contention(card.contention for card in evaluation.models.values())
    if worst_case is not None:
        numbers["contention"] = worst_case.level
    if final.latency_ms is not None:
        numbers["p95_ms"] = final.latency_ms.p95
    if final.speedup_interval is not None:
        numbers["speedup_low"] = final.speedup_interval.low
        numbers["speedup_high"] = final.speedup_interval.high
    return numbers
