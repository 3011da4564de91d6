"""Record the Pareto front of a search as table, figure and page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress.report import front_page
from coldpress.report.figures import front as front_figure
from coldpress.search.budget import Budget
from coldpress.search.front import Candidate
from tasks.environment import home
from tasks.execution import prefect_artifacts
from tasks.tracking import search_runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coldpress.evaluation.scorecard.scorecard import Interval
    from tasks.execution.pipeline_run import PipelineRun


@task(name="record-front", cache_policy=NO_CACHE)
def record_front(
    run: PipelineRun,
    budget: Budget,
    front: list[Candidate],
    test_scores: Mapping[int, Interval] | None,
) -> None:
    """Store the front in the search's run, and show it on the flow run's page.

    Args:
        run: The search's run.
        budget: The bounds of the search.
        front: Sorted by the first cost.
        test_scores: By the number of the trial; None if no model is within the budget.
    """
    rows = [_row(candidate, budget, test_scores) for candidate in front]
    with home.workspace() as directory:
        figure = directory / "front.svg"
        front_figure.draw_front(front, budget, figure)
        drawing = figure.read_text(encoding="utf-8")
        page = directory / "front.html"
        page.write_text(front_page.render_front(run.recipe.name, rows, drawing), encoding="utf-8")
        files = [figure, figure.with_suffix(".png"), page]
        search_runs.log_front(run.run_id, rows, files)
    prefect_artifacts.show_table(rows, "search-front", "Models of the Pareto front")


def _row(
    candidate: Candidate, budget: Budget, test_scores: Mapping[int, Interval] | None
) -> dict[str, Any]:
    measures = candidate.measures
    on_test = {} if test_scores is None else _test_columns(test_scores[candidate.number])
    return {
        "trial": candidate.number,
        "score": round(measures.score, 4),
        "retention": None if measures.retention is None else round(measures.retention, 4),
        "p50_ms": round(measures.p50_ms, 4),
        "p95_ms": round(measures.p95_ms, 4),
        "bytes": int(measures.bytes),
        "within_budget": budget.is_met(measures),
        **on_test,
        **candidate.values,
        "run": search_runs.trial_link(candidate.flow_run_id),
    }


def _test_columns(score: Interval) -> dict[str, float]:
    return {
        "test_score": round(score.estimate, 4),
        "test_low": round(score.low, 4),
        "test_high": round(score.high, 4),
    }
