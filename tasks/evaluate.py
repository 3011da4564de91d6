"""Evaluate all stages' models side by side on the test split, which is opened once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress import cpu
from coldpress.evaluation.scorecard.final_model import final_model_name
from coldpress.teacher.answers.section import SPLITS
from coldpress.teacher.outputs.section import OutputsTeacher
from coldpress.teacher.section import ExternalTeacher
from coldpress.teacher.spec import Teacher
from tasks.execution import data
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageContext, StageSpec
from tasks.tracking import history, runs

if TYPE_CHECKING:
    from coldpress.evaluation.scorecard.scorecard import Evaluation
    from coldpress.gate import Gate
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking.results import StageResult


@task(name="evaluate", cache_policy=NO_CACHE)
def evaluate(run: PipelineRun, models: Sequence[StageResult]) -> StageResult:
    """Evaluate every model of this run, with paired comparisons and interleaved timings."""
    recipe = run.recipe
    candidates = tuple(model for model in models if model.status != "skipped")
    key_extras = {**cpu.kernel_environment(), "columns": data.columns_digest(recipe)}
    if isinstance(recipe.teacher, ExternalTeacher):
        key_extras["answers"] = data.teacher_digest(recipe.teacher, *SPLITS)
    is_timed = isinstance(recipe.teacher, Teacher | OutputsTeacher)
    spec = StageSpec(
        run,
        "evaluate",
        recipe.evaluate,
        candidates,
        key_extras,
        may_reuse=lambda r: recipe.export is None or may_reuse(r, recipe.gate, is_timed),
    )
    return run_stage(spec, _evaluate)


def may_reuse(result: StageResult, gate: Gate | None, teacher_is_timed: bool = True) -> bool:
    """Return whether an earlier evaluation can be reused.

    Args:
        result: The earlier evaluation.
        gate: The gate section of the current recipe.
        teacher_is_timed: False if there is no model of the teacher, and so no speed-up.

    Returns:
        False if the speed-up was not determined, or if the gate refuses timings taken under
        contention that might pass on a quiet machine.
    """
    metrics = result.metrics
    if teacher_is_timed and "speedup" not in metrics:
        return False
    # Results of earlier releases have no contention metric.
    if gate is None or not metrics.get("contention"):
        return True
    slow = gate.max_p95_ms is not None and metrics["p95_ms"] > gate.max_p95_ms
    min_speedup = gate.min_speedup or 0.0
    undecided = metrics.get("speedup_low", 0.0) < min_speedup <= metrics.get("speedup_high", 0.0)
    return not slow and not undecided


def _evaluate(context: StageContext) -> dict[str, float]:
    from coldpress.distillation import disagreements
    from coldpress.drift import profile
    from coldpress.evaluation import predictions
    from coldpress.evaluation.subgroups import flips
    from coldpress.model.checkpoint import new_checkpoint
    from coldpress.onnx import candidates
    from coldpress.report.figures import equity, waterfall
    from coldpress.report.waterfall_table import waterfall_table
    from coldpress.teacher.answers.answers import Answers

    recipe = context.recipe
    benchmark = data.load_benchmark(recipe)
    openings = _record_opening(context.run_id, benchmark.test_digest)
    opset = None if recipe.export is None else recipe.export.opset
    answers = data.load_answers(recipe)
    models = candidates.EvaluationInputs(context.inputs, benchmark, recipe.evaluate, opset, answers)
    judgement = candidates.evaluate_pipeline(models)
    evaluation = judgement.evaluation
    with new_checkpoint(context.target, context.manifest()) as directory:
        evaluation.write(directory)
        predictions.write_predictions(judgement.predictions, directory)
        if recipe.export is not None:  # only files are re-evaluated
            profile.write_profile(
                profile.build_profile(benchmark.test, context.inputs[-1].path), directory
            )
        flips.write_flips(judgement.flips, directory)
        if isinstance(answers, Answers):
            records = disagreements.find_disagreements(answers, benchmark)
            disagreements.write_disagreements(records, directory)
        waterfall.draw_waterfall(evaluation, directory / "waterfall.png")
        equity.draw_equity(evaluation, directory / "equity.png")
    runs.log_rows(context.run_id, waterfall_table(evaluation), "waterfall.json")
    runs.log_rows(context.run_id, flips.flip_table(judgement.flips), "flips.json")
    return {**_headline_metrics(evaluation), "test_openings": openings}


def _record_opening(run_id: str, test_digest: str) -> int:
    """Record that the test split was opened and return how many times it has been."""
    runs.set_tags(run_id, {"test_digest": test_digest})
    return history.count_test_evaluations(test_digest) + 1


def _headline_metrics(evaluation: Evaluation) -> dict[str, float]:
    final = evaluation.models[final_model_name(evaluation)]
    numbers = {
        **final.scores,
        "retention": final.retention,
        "speedup": final.speedup,
        "compression": final.compression,
    }
    quality = {name: value for name, value in numbers.items() if value is not None}
    return {**quality, **_timing_metrics(evaluation)}


def _timing_metrics(evaluation: Evaluation) -> dict[str, float]:
    """The metrics from which `may_reuse` decides."""
    from coldpress.evaluation.performance.contention import worst_contention

    final = evaluation.models[final_model_name(evaluation)]
    numbers: dict[str, float] = {}
    worst_case = worst_contention(card.contention for card in evaluation.models.values())
    if worst_case is not None:
        numbers["contention"] = worst_case.level
    if final.latency_ms is not None:
        numbers["p95_ms"] = final.latency_ms.p95
    if final.speedup_interval is not None:
        numbers["speedup_low"] = final.speedup_interval.low
        numbers["speedup_high"] = final.speedup_interval.high
    return numbers
