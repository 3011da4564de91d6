"""Pareto front: the models to which no other one is superior, and the choice among them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from coldpress.errors import InputError
from coldpress.search.budget import Budget, Measures


@dataclass(frozen=True)
class Candidate:
    """A finished trial of a search.

    Attributes:
        number: Of the trial.
        values: Recipe values by field.
        measures: Of its model.
        flow_run_id: The flow run that made it.
    """

    number: int
    values: dict[str, Any]
    measures: Measures
    flow_run_id: str


def pareto_front(candidates: Iterable[Candidate], costs: Sequence[str]) -> list[Candidate]:
    """Return the candidates that no other one dominates.

    One dominates another if its score is at least as high, none of its costs is higher, and one of
    these is better. Of equal candidates, the first one stays.

    Args:
        candidates: In the order of their trials.
        costs: Names of the costs that count.

    Returns:
        Sorted by the first cost.
    """
    distinct: dict[tuple[float, ...], Candidate] = {}
    for candidate in candidates:
        distinct.setdefault(_objectives(candidate.measures, costs), candidate)
    front = [
        candidate
        for point, candidate in distinct.items()
        if not any(_dominates(rival, point) for rival in distinct)
    ]
    return sorted(front, key=lambda candidate: candidate.measures.value(costs[0]))


def within_budget(candidates: Sequence[Candidate], budget: Budget) -> list[Candidate]:
    """Return the candidates that meet all bounds of a budget, in their order."""
    return [candidate for candidate in candidates if budget.is_met(candidate.measures)]


def choose_cheapest(candidates: Sequence[Candidate], budget: Budget) -> Candidate:
    """Return the candidate within the budget whose first cost is the smallest.

    Args:
        candidates: At least one.
        budget: Its first cost decides; of equal costs, the higher score.

    Raises:
        InputError: None is within the budget; the message describes the nearest one.
    """
    affordable = within_budget(candidates, budget)
    if affordable:
        cost = budget.costs[0]
        return min(affordable, key=lambda c: (c.measures.value(cost), -c.measures.score))
    nearest = min(candidates, key=lambda c: budget.worst_excess(c.measures))
    misses = budget.describe_misses(nearest.measures)
    raise InputError(
        f"--budget: no model meets it; the nearest, trial {nearest.number}, misses {misses}"
    )


def _objectives(measures: Measures, costs: Sequence[str]) -> tuple[float, ...]:
    """Return what is to be small: the negative score and the costs."""
    return (-measures.score, *(measures.value(cost) for cost in costs))


def _dominates(rival: tuple[float, ...], point: tuple[float, ...]) -> bool:
    if any(map(math.isnan, rival)):
        return False
    return rival != point and all(a <= b for a, b in zip(rival, point, strict=True))
