"""Score the models of a search's Pareto front on the test split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.execution import data
from tasks.tracking import artifacts, search_runs

if TYPE_CHECKING:
    from coldpress.evaluation.scorecard.scorecard import Interval
    from coldpress.search.front import Candidate
    from coldpress.search.study import Study
    from tasks.execution.pipeline_run import PipelineRun


@task(name="score-front", cache_policy=NO_CACHE)
def score_front(run: PipelineRun, study: Study, front: list[Candidate]) -> dict[int, Interval]:
    """Score each model of the front on the test split, with its 95 % interval.

    The split is opened once for all of them. Scores are stored in the study: the same search opens
    it no second time.

    Returns:
        Scores by the number of the trial.
    """
    from coldpress.search.measure import score_on_test

    scores = study.test_scores()
    missing = [candidate for candidate in front if candidate.number not in scores]
    if missing:
        benchmark = data.load_benchmark(run.recipe)
        search_runs.record_opening(run.run_id, benchmark.test_digest)
        for candidate in missing:
            uri = search_runs.exported_model(candidate.flow_run_id)
            with artifacts.open_checkpoint(uri) as checkpoint:
                threads = run.recipe.evaluate.latency.threads
                scores[candidate.number] = score_on_test(checkpoint, benchmark, threads)
        study.set_test_scores(scores)
    return {candidate.number: scores[candidate.number] for candidate in front}
