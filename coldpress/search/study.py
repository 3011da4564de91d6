"""A study in a database: trials that were proposed, and what came of them (Optuna).

A trial that is not finished stays in the database, so that the next search goes on with it: none
is lost, and none is counted twice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import optuna
from optuna.samplers import RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.recipe.search_space import SearchSpace
from coldpress.search.budget import Budget, Measures
from coldpress.search.distributions import to_distribution
from coldpress.search.front import Candidate

Outcome = Literal["finished", "poor", "failed"]
_STATES: Mapping[Outcome, TrialState] = {
    "finished": TrialState.COMPLETE,
    "poor": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
_MEASURES, _FLOW_RUN, _REASON, _REPEATS = "measures", "flow_run_id", "reason", "repeats"
_TIMINGS, _TEST_SCORES = "timings", "test_scores"


@dataclass(frozen=True)
class Trial:
    """A trial of a study.

    Attributes:
        number: Counted from 0.
        values: Recipe values by field.
        flow_run_id: The flow run that was started for it last; None before.
    """

    number: int
    values: dict[str, Any]
    flow_run_id: str | None = None


class Study:
    """Trials of one recipe, search space and set of costs."""

    def __init__(self, url: str, name: str, space: SearchSpace, budget: Budget, seed: int) -> None:
        """Open a study, or create it.

        Args:
            url: SQLAlchemy's address of a database.
            name: Equal names are the same study.
            space: The values to try.
            budget: Its costs are the objectives beside the score, and must belong to the name; its
                bounds may differ from those of an earlier search.
            seed: Of the sampler.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._distributions = {name: to_distribution(values) for name, values in space.items()}
        self._budget = budget
        self._seed = seed
        self._study = optuna.create_study(
            storage=url,
            study_name=name,
            load_if_exists=True,
            directions=[StudyDirection.MAXIMIZE, *[StudyDirection.MINIMIZE] * len(budget.costs)],
        )

    @property
    def name(self) -> str:
        """Name of the study in the database."""
        return self._study.study_name

    def propose(self, *, at_random: bool = False) -> Trial:
        """Propose the values of a new trial, by the results of the trials before.

        The sampler is a multi-objective tree-structured Parzen estimator (Ozaki et al. 2022),
        which prefers trials that were within the budget of their search. Its seed depends on the
        number of trials, so that a search that continues does not repeat its first proposals.

        Args:
            at_random: Ignore the results: the estimator repeats values that are good.
        """
        seed = self._seed + len(self._study.get_trials(deepcopy=False))
        self._study.sampler = (
            RandomSampler(seed) if at_random else TPESampler(seed=seed, constant_liar=True)
        )
        trial = self._study.ask(self._distributions)
        return _to_trial(self._frozen(trial.number))

    def unfinished(self) -> list[Trial]:
        """Return the trials without an outcome, whose search was killed."""
        trials = self._study.get_trials(states=(TrialState.RUNNING,))
        return [_to_trial(trial) for trial in trials]

    def finished_count(self) -> int:
        """Return the number of trials with an outcome."""
        return sum(map(self.count, _STATES))

    def count(self, outcome: Outcome) -> int:
        """Return the number of trials with this outcome."""
        trials = self._study.get_trials(deepcopy=False, states=(_STATES[outcome],))
        return sum(map(_counts, trials))

    def set_flow_run(self, number: int, flow_run_id: str) -> None:
        """Record the flow run that is started for a trial."""
        self._open(number).set_user_attr(_FLOW_RUN, flow_run_id)

    def finish(self, number: int, measures: Measures) -> None:
        """Record the measurements of a trial."""
        trial = self._open(number)
        for name in self._budget.limits:
            excess = self._budget.excess(measures, name)
            if not math.isnan(excess):
                trial.set_constraint(name, excess)
        trial.set_user_attr(_MEASURES, asdict(measures))
        costs = [measures.value(cost) for cost in self._budget.costs]
        self._study.tell(number, [measures.score, *costs])

    def end(self, number: int, outcome: Literal["poor", "failed"], reason: str) -> None:
        """Record that a trial has no measurements, and why."""
        self._open(number).set_user_attr(_REASON, reason[:500])
        self._study.tell(number, state=_STATES[outcome])

    def repeat(self, trial: Trial) -> bool:
        """Give a new trial the outcome of an earlier one with the same values, if there is one.

        It does not count as a trial, but the sampler learns that its values are known.

        Returns:
            Whether there is one.
        """
        ended = self._study.get_trials(deepcopy=False, states=tuple(_STATES.values()))
        twin = next((t for t in ended if _counts(t) and _values(t) == trial.values), None)
        if twin is None:
            return False
        self._open(trial.number).set_user_attr(_REPEATS, twin.number)
        if twin.state == TrialState.COMPLETE:
            self._study.tell(trial.number, twin.values)
        else:
            self._study.tell(trial.number, state=twin.state)
        return True

    def discard(self, trial: Trial) -> None:
        """Take back a proposal whose values are those of a running trial."""
        self._open(trial.number).set_user_attr(_REPEATS, trial.number)
        self._study.tell(trial.number, state=TrialState.FAIL)

    def candidates(self) -> list[Candidate]:
        """Return the trials with measurements."""
        trials = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return [_to_candidate(trial) for trial in trials if _counts(trial)]

    def timings(self) -> dict[int, tuple[float, float]]:
        """Return the median and 95th percentile of latencies, in milliseconds, by trial."""
        pairs = self._study.user_attrs.get(_TIMINGS, {})
        return {int(number): (p50, p95) for number, (p50, p95) in pairs.items()}

    def set_timings(self, timings: Mapping[int, tuple[float, float]]) -> None:
        """Store latencies that were measured in turns after the last trial."""
        self._study.set_user_attr(_TIMINGS, {str(n): list(pair) for n, pair in timings.items()})

    def test_scores(self) -> dict[int, Interval]:
        """Return the scores on the test split, by trial, of the models that were offered."""
        intervals = self._study.user_attrs.get(_TEST_SCORES, {})
        return {int(number): Interval(**interval) for number, interval in intervals.items()}

    def set_test_scores(self, scores: Mapping[int, Interval]) -> None:
        """Store scores on the test split, so that it is not opened for them again."""
        stored = {str(number): interval.model_dump() for number, interval in scores.items()}
        self._study.set_user_attr(_TEST_SCORES, stored)

    def failures(self) -> list[str]:
        """Return why trials without measurements ended."""
        trials = self._study.get_trials(states=(TrialState.FAIL, TrialState.PRUNED))
        return [str(trial.user_attrs.get(_REASON, "")) for trial in trials if _counts(trial)]

    def importances(self) -> dict[str, dict[str, float]]:
        """Return the share of each field in the variance of each objective.

        They are those of fANOVA (Hutter, Hoos & Leyton-Brown 2014), from a forest that is fitted to
        the finished trials.

        Returns:
            Shares by objective and field; none for an objective that no field changed.
        """
        names = ("score", *self._budget.costs)
        return {name: self._importance(place) for place, name in enumerate(names)}

    def _importance(self, place: int) -> dict[str, float]:
        """Return the shares of the fields in the variance of one objective."""
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self._seed)
        try:
            shares = optuna.importance.get_param_importances(
                self._study, evaluator=evaluator, target=partial(_objective, place)
            )
        except (RuntimeError, ValueError):  # too few trials, or all of them equal
            return {}
        return {field: float(share) for field, share in shares.items()}

    def _frozen(self, number: int) -> FrozenTrial:
        return self._study.get_trials(deepcopy=False)[number]

    def _open(self, number: int) -> optuna.Trial:
        """Return a trial that has no outcome yet, also if an earlier search proposed it."""
        return optuna.Trial(self._study, self._frozen(number)._trial_id)


def _objective(place: int, trial: FrozenTrial) -> float:
    return float(trial.values[place])


def _counts(trial: FrozenTrial) -> bool:
    """Whether a trial is more than a proposal of values that had been tried."""
    return _REPEATS not in trial.user_attrs


def _values(trial: FrozenTrial) -> dict[str, Any]:
    return {
        name: json.loads(value) if isinstance(value, str) else value
        for name, value in sorted(trial.params.items())
    }


def _to_trial(trial: FrozenTrial) -> Trial:
    return Trial(trial.number, _values(trial), trial.user_attrs.get(_FLOW_RUN))


def _to_candidate(trial: FrozenTrial) -> Candidate:
    measures = Measures(**trial.user_attrs[_MEASURES])
    return Candidate(trial.number, _values(trial), measures, str(trial.user_attrs[_FLOW_RUN]))
