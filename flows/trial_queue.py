"""Trials of a search, several at a time, until enough of them are finished."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from coldpress.recipe.recipe import Recipe
from coldpress.search.space import apply_trial_values
from coldpress.search.study import Study, Trial
from flows.flow_pool.jobs import Ended, FlowPool, Job, Started
from tasks.tracking import search_runs

_REPETITIONS = 3
"""Proposals in a row whose values have been tried, before values are drawn at random."""
_MAX_REPETITIONS = 200
"""Proposals in a row whose values have been tried; then the space is taken to be exhausted."""


@dataclass(frozen=True)
class TrialPlan:
    """What all trials of a search share.

    Attributes:
        recipe: With the values that are not tried.
        search_run_id: The search's run in MLflow.
        teacher_score: On validation; None if the teacher has no such score.
        least_score: Students below it are not compressed further.
        count: Number of trials.
        workers: Trials at a time.
    """

    recipe: Recipe
    search_run_id: str
    teacher_score: float | None
    least_score: float | None
    count: int
    workers: int


@dataclass
class TrialQueue:
    """Runs the trials of a study until enough have an outcome.

    Attributes:
        study: Where trials are proposed and recorded.
        plan: What all trials share.
        pool: Where their flow runs are.
        report: Called with a line for each outcome.
    """

    study: Study
    plan: TrialPlan
    pool: FlowPool
    report: Callable[[str], None]
    _running: dict[int, Trial] = field(default_factory=dict)

    def run(self) -> None:
        """Run trials, those of a killed search first."""
        waiting = deque(self.study.unfinished())
        while True:
            while len(self._running) < self.plan.workers:
                trial = waiting.popleft() if waiting else self._propose()
                if trial is None:
                    break
                self._start(trial)
            if not self._running:
                return
            self._handle(self.pool.wait())

    def _propose(self) -> Trial | None:
        """Return a trial with values that were not tried; None if there are enough trials."""
        if self.study.finished_count() + len(self._running) >= self.plan.count:
            return None
        for repetition in range(_MAX_REPETITIONS):
            trial = self.study.propose(at_random=repetition >= _REPETITIONS)
            running = [other.values for other in self._running.values()]
            if trial.values not in running and not self.study.repeat(trial):
                return trial
            if trial.values in running:
                self.study.discard(trial)
        self.report("all combinations of values seem to have been tried")
        return None

    def _start(self, trial: Trial) -> None:
        self._running[trial.number] = trial
        recipe = apply_trial_values(self.plan.recipe, trial.values)
        parameters = {
            "recipe": recipe.model_dump(mode="json"),
            "search_run_id": self.plan.search_run_id,
            "teacher_score": self.plan.teacher_score,
            "least_score": self.plan.least_score,
        }
        self.pool.submit(Job(trial.number, "trial", parameters), trial.flow_run_id)

    def _handle(self, event: Started | Ended) -> None:
        number = event.job.number
        if isinstance(event, Started):
            self.study.set_flow_run(number, event.flow_run_id)
            return
        del self._running[number]
        self._record(number, event)

    def _record(self, number: int, event: Ended) -> None:
        measures = search_runs.read_measures(event.flow_run_id or "")
        if event.outcome == "completed" and measures is not None:
            self.study.finish(number, measures)
            costs = f"{measures.p95_ms:.3f} ms (p95), {measures.bytes / 1e6:.2f} MB"
            self.report(f"trial {number}: score {measures.score:.4f}, {costs}")
            return
        outcome: Literal["poor", "failed"] = "poor" if event.outcome == "completed" else "failed"
        reason = event.message or event.state
        self.study.end(number, outcome, reason)
        self.report(f"trial {number}: {outcome}: {reason}")
