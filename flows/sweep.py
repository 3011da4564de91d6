"""Run a recipe with all combinations of some values."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import State, flow, get_run_logger
from prefect.states import Completed
from pydantic import BaseModel, Field

from coldpress.errors import InputError
from coldpress.recipe.recipe import Recipe
from coldpress.search.grid import combine
from coldpress.search.space import apply_trial_values
from coldpress.search.summary import Setting, SweepRun, summarize
from flows.flow_pool.choice import open_pool
from flows.flow_pool.jobs import Ended, Job
from tasks.execution.pipeline_run import pipeline_run
from tasks.record_sweep import load_sweep_run, record_sweep


class SweepResult(BaseModel):
    """The outcome of a sweep.

    Attributes:
        runs: Finished runs.
        settings: Their summary.
        failures: Why runs failed, one line each.
    """

    runs: list[SweepRun]
    settings: list[Setting]
    failures: list[str]


@flow(name="sweep", flow_run_name="{recipe.name}", persist_result=False, result_serializer="json")
def sweep(
    recipe: Recipe,
    over: dict[str, list[Any]],
    workers: Annotated[int, Field(ge=1, le=1_000)] = 2,
) -> State[SweepResult]:
    """Run a recipe with all combinations of some values, and compare the final models.

    Args:
        recipe: The recipe. The models are registered under its name with `-sweep`.
        over: Values by field, as in seed with 0, 1, 2. Runs that differ in their seed alone are
            repetitions.
        workers: Runs at a time.
    """
    base = recipe.model_copy(update={"name": f"{recipe.name}-sweep", "search": None})
    recipes = [(values, apply_trial_values(base, values)) for values in combine(over)]
    jobs = [
        Job(number, "compress", {"recipe": member.model_dump(mode="json")})
        for number, (_, member) in enumerate(recipes)
    ]
    with pipeline_run(base) as run:
        ended = _run_jobs(jobs, workers)
        finished = [e for e in ended if e.outcome == "completed"]
        runs = [load_sweep_run(recipes[e.job.number][0], e.flow_run_id or "") for e in finished]
        failures = [
            f"{recipes[e.job.number][0]}: {e.message}" for e in ended if e.outcome != "completed"
        ]
        if not runs:
            raise InputError(f"--over: no run finished; {failures[0]}")
        settings = summarize(runs)
        record_sweep(run, runs, settings)
    return Completed(data=SweepResult(runs=runs, settings=settings, failures=failures))


def _run_jobs(jobs: list[Job], workers: int) -> list[Ended]:
    """Run all jobs, and return how they ended, in their order."""
    pool = open_pool(("compress",), workers, get_run_logger().warning)
    ended: list[Ended] = []
    submitted = 0
    try:
        while len(ended) < len(jobs):
            while submitted < min(len(jobs), len(ended) + workers):
                pool.submit(jobs[submitted])
                submitted += 1
            event = pool.wait()
            if isinstance(event, Ended):
                ended.append(event)
    finally:
        pool.close()
    return sorted(ended, key=lambda event: event.job.number)
