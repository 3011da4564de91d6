"""Search for the cheapest model within a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

from prefect import State, flow, get_run_logger
from prefect.states import Completed
from pydantic import BaseModel, Field

from coldpress.errors import InputError
from coldpress.recipe.recipe import Recipe
from coldpress.search.budget import Budget, parse_budget
from coldpress.search.database import check_database
from coldpress.search.front import Candidate, choose_cheapest, pareto_front, within_budget
from coldpress.search.space import apply_trial_values, with_search_space
from flows.compress import compress
from flows.flow_pool.choice import open_pool
from flows.trial_queue import TrialPlan, TrialQueue
from tasks.environment import studies
from tasks.execution.pipeline_run import PipelineRun, pipeline_run
from tasks.generate_soft_targets import generate_soft_targets
from tasks.measure_trial import time_trials, validation_score_of
from tasks.open_study import open_study
from tasks.record_front import record_front
from tasks.score_front import score_front
from tasks.tracking import search_runs
from tasks.train_teacher import train_teacher

if TYPE_CHECKING:
    from coldpress.search.study import Study
    from tasks.tracking.results import StageResult

POOR_MARGIN = 0.03
"""Share of the teacher's score by which a student may miss the budget and still be compressed."""


class SearchResult(BaseModel):
    """The outcome of a search.

    Attributes:
        study: Name of the study.
        finished: Trials with measurements.
        poor: Trials that ended after distillation.
        failed: Trials that failed.
        stages: Number of the trials' stages by status.
        winner: The flow run that made the registered model.
        trial: Number of the trial whose values it has.
        values: These values, by field.
        importances: Shares of the fields in the variance of each objective.
    """

    study: str
    finished: int
    poor: int
    failed: int
    stages: dict[str, int]
    winner: str
    trial: int
    values: dict[str, Any]
    importances: dict[str, dict[str, float]]


@flow(name="search", flow_run_name="{recipe.name}", persist_result=False, result_serializer="json")
def search(
    recipe: Recipe,
    budget: list[str],
    trials: Annotated[int, Field(ge=1, le=10_000)] = 40,
    workers: Annotated[int, Field(ge=1, le=1_000)] = 2,
) -> State[SearchResult]:
    """Search for the cheapest model within a budget, register it, and apply the recipe's gate.

    Args:
        recipe: Its section `search` says which values are tried.
        budget: Bounds such as p95_ms=0.2, bytes=6MB or retention=0.99. The first bound of a cost
            decides which model is the cheapest.
        trials: Number of trials, with those of earlier searches for the same recipe.
        workers: Trials at a time.
    """
    bounds = parse_budget(budget)
    check_database(studies.studies_uri(), studies.VARIABLE)
    base, space = with_search_space(recipe)
    base = base.model_copy(update={"name": f"{recipe.name}-search", "gate": None, "search": None})
    with pipeline_run(base) as run:
        teacher = train_teacher(run)
        soft_targets = generate_soft_targets(run, teacher)
        study = open_study(run, space, bounds, [teacher, soft_targets])
        _run_trials(study, _plan(run, teacher, bounds, trials, workers))
        if not study.candidates():
            raise InputError(f"search: no trial has a model; the last one: {study.failures()[-1]}")
        candidates = time_trials(run, study, bounds)
        front = pareto_front(candidates, bounds.costs)
        # The test split stays closed if no model can be offered; it never decides which one is.
        affordable = within_budget(candidates, bounds)
        test_scores = score_front(run, study, front) if affordable else None
        record_front(run, bounds, front, test_scores)
    winner = choose_cheapest(candidates, bounds)
    return _offer(recipe, apply_trial_values(base, winner.values), winner, study)


def _plan(
    run: PipelineRun, teacher: StageResult, budget: Budget, trials: int, workers: int
) -> TrialPlan:
    score = validation_score_of(run, teacher)
    least = budget.limits.get("score")
    if score is not None and "retention" in budget.limits:
        least = score * budget.limits["retention"]
    floor = None if least is None else least - POOR_MARGIN * (score or 1.0)
    return TrialPlan(run.recipe, run.run_id, score, floor, trials, workers)


def _run_trials(study: Study, plan: TrialPlan) -> None:
    if study.finished_count() >= plan.count:
        return
    report = get_run_logger().warning
    pool = open_pool(("trial",), plan.workers, report)
    try:
        TrialQueue(study, plan, pool, report).run()
    finally:
        pool.close()


def _offer(recipe: Recipe, trial: Recipe, winner: Candidate, study: Study) -> State[SearchResult]:
    """Make the winner's model again under the recipe's name, from the stages of its trial."""
    final = trial.model_copy(update={"name": recipe.name, "gate": recipe.gate})
    state: State[Any] = cast("State[Any]", compress(final, return_state=True))
    if not state.is_completed():
        return state
    ids = [candidate.flow_run_id for candidate in study.candidates()]
    result = SearchResult(
        study=study.name,
        finished=study.count("finished"),
        poor=study.count("poor"),
        failed=study.count("failed"),
        stages=search_runs.count_stages(ids),
        winner=str(state.state_details.flow_run_id),
        trial=winner.number,
        values=winner.values,
        importances=study.importances(),
    )
    return Completed(name=state.name, message=state.message, data=result)
