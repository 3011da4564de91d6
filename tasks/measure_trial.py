"""Measure the exported models of trials on the validation split."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress.kinds.vectors import learns_vectors, validation_metric
from coldpress.search.budget import Measures
from coldpress.search.front import Candidate, within_budget
from tasks.execution import data
from tasks.tracking import artifacts, search_runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from coldpress.search.budget import Budget
    from coldpress.search.study import Study
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking.results import StageResult


@task(name="measure-trial", cache_policy=NO_CACHE)
def measure_trial(
    run: PipelineRun, soft_targets: StageResult, onnx: StageResult, teacher_score: float | None
) -> Measures:
    """Measure score, latency and size; the test split stays closed."""
    from coldpress.search.measure import measure_file

    recipe = run.recipe
    benchmark = data.load_benchmark(recipe)
    targets = _teacher_vectors(run, soft_targets) if learns_vectors(benchmark.kind) else None
    with artifacts.open_checkpoint(onnx.model_uri or "") as checkpoint:
        measures = measure_file(checkpoint, benchmark, recipe.evaluate.latency, targets)
    if teacher_score:
        measures = replace(measures, retention=measures.score / teacher_score)
    search_runs.log_measures(run.run_id, asdict(measures))
    return measures


def validation_score_of(run: PipelineRun, result: StageResult) -> float | None:
    """Return the validation score that a stage recorded; None if it has none.

    Args:
        run: The run of the recipe.
        result: Of a teacher or a student. A teacher whose vectors are learned is compared with
            itself: 1.
    """
    kind = data.load_benchmark(run.recipe).kind
    if learns_vectors(kind) and result.stage == "train_teacher" and result.status != "skipped":
        return 1.0
    return result.metrics.get(f"validation_{validation_metric(kind).name}")


def _teacher_vectors(run: PipelineRun, soft_targets: StageResult) -> NDArray[Any]:
    from coldpress.distillation.soft_targets import load_soft_targets

    with artifacts.open_checkpoint(soft_targets.model_uri or "") as checkpoint:
        targets = load_soft_targets(checkpoint.path)
    return targets.for_rows(data.load_benchmark(run.recipe).validation).numpy()


@task(name="time-trials", cache_policy=NO_CACHE)
def time_trials(run: PipelineRun, study: Study, budget: Budget) -> list[Candidate]:
    """Time the files of all finished trials in turns, after the last trial.

    While trials run, each of them disturbs the timings of the others. Timings are stored in the
    study if a model is within the budget, so that the same search chooses the same model again.
    Otherwise the same search measures again, perhaps on a quieter machine.
    """
    candidates = study.candidates()
    earlier = study.timings()
    if all(candidate.number in earlier for candidate in candidates):
        return _with_timings(candidates, earlier)
    timings = _time_files(run, candidates)
    timed = _with_timings(candidates, timings)
    if within_budget(timed, budget):
        study.set_timings(timings)
    return timed


def _with_timings(
    candidates: list[Candidate], timings: Mapping[int, tuple[float, float]]
) -> list[Candidate]:
    timed = []
    for candidate in candidates:
        p50_ms, p95_ms = timings[candidate.number]
        measures = replace(candidate.measures, p50_ms=p50_ms, p95_ms=p95_ms)
        timed.append(replace(candidate, measures=measures))
    return timed


def _time_files(run: PipelineRun, candidates: list[Candidate]) -> dict[int, tuple[float, float]]:
    from coldpress.data.encoding import encode
    from coldpress.model.serialization import load_tokenizer
    from coldpress.onnx.predictor import Predictor
    from coldpress.search.measure import time_repeatedly

    latency = run.recipe.evaluate.latency
    validation = data.load_benchmark(run.recipe).validation
    with ExitStack() as stack:
        files, rows = {}, {}
        for candidate in candidates:
            uri = search_runs.exported_model(candidate.flow_run_id)
            checkpoint = stack.enter_context(artifacts.open_checkpoint(uri))
            files[str(candidate.number)] = Predictor(checkpoint.path, latency.threads)
            rows[str(candidate.number)] = encode(load_tokenizer(checkpoint), validation)
        spreads = time_repeatedly(files, rows, latency)
    return {int(number): (spread.p50, spread.p95) for number, spread in spreads.items()}
