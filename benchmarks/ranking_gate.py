"""Error rates of the gate for rankings: healthy models refused, damaged ones passed.

    python benchmarks/ranking_gate.py [--models 500]

Simulated cross-encoders on queries with one or two relevant documents of eleven, as in SciFact. The
student's scores are the teacher's plus noise. A healthy student has noise in the other direction,
too, so that its true nDCG is the teacher's; a damaged one ranks the queries of a slice at random
with some probability.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Evaluation
from coldpress.evaluation.statistics.comparison import compare_outputs
from coldpress.evaluation.statistics.paired import accuracy_interval
from coldpress.evaluation.subgroups import equity
from coldpress.evaluation.subgroups.slices import Slice
from coldpress.gate import Gate
from coldpress.gate.checks import run_checks
from coldpress.kinds import task_kind

RANKING = task_kind("ranking")
GATE = Gate(max_drop=0.05, max_class_drop=0.1)
DOCUMENTS = 11
SHARED = 1.0
OWN = 0.4
"""Spread of the noise that teacher and student share, and of that of each; relevance adds 2."""
SLICES = 10
SEED = 0

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Queries:
    """Targets of a test split, and its slices of queries."""

    targets: NDArray[np.float64]
    slices: tuple[Slice, ...]


def main() -> None:
    """Print one line for each number of queries."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--models", type=int, default=500)
    models = parser.parse_args().models
    random = np.random.default_rng(SEED)
    print(f"{GATE.model_dump(exclude_none=True)}, {models} models a line, seed {SEED}")
    for count in (300, 600):
        queries = _draw_queries(count, random)
        healthy = sum(_verdict(queries, 0.0, random)[0] for _ in range(models))
        print(f"{count} queries, no loss: passes {_rate(healthy, models)}", flush=True)
        for lost in (0.5, 1.0):
            refused = sum(not _verdict(queries, lost, random)[1] for _ in range(models))
            print(
                f"{count} queries, {lost:.0%} of a slice of {count // SLICES} ranked at random:"
                f" max_class_drop refuses {_rate(refused, models)}",
                flush=True,
            )


def _draw_queries(count: int, random: np.random.Generator) -> Queries:
    numbers = np.repeat(np.arange(float(count)), DOCUMENTS)
    relevant = np.repeat(random.choice([1, 2], count, p=[0.9, 0.1]), DOCUMENTS)
    relevance = np.tile(np.arange(DOCUMENTS), count) < relevant
    slices = tuple(
        Slice("column", f"topic {n}", tuple(range(n, count, SLICES))) for n in range(SLICES)
    )
    return Queries(np.stack([numbers, relevance.astype(np.float64)], axis=1), slices)


def _verdict(queries: Queries, lost: float, random: np.random.Generator) -> tuple[bool, bool]:
    """Judge a drawn model; return whether it passes all checks, and that of its slices."""
    teacher, student = _draw_models(queries, random)
    student = _damage(student, queries, lost, random)
    ids = tuple(map(str, range(len(teacher))))
    outputs = {"teacher": teacher, "onnx": student}
    predictions = Predictions(ids, RANKING, ("score",), queries.targets, outputs)
    groups = equity.slice_groups(queries.slices, predictions)
    evaluation = Evaluation(
        n=len(teacher),
        overlap=0,
        models={},
        comparisons=(
            compare_outputs(("onnx", "teacher"), RANKING, student, teacher, queries.targets),
        ),
        equity=equity.compare_groups(groups),
        kind=RANKING.name,
    )
    parity = {"parity_max_logit_difference": 0.0, "parity_bound": 1.0}
    verdict = run_checks(GATE, evaluation, parity)
    checks = {check.name: check.passed for check in verdict.checks}
    return verdict.passed, checks["max_class_drop"]


def _draw_models(queries: Queries, random: np.random.Generator) -> tuple[Scores, Scores]:
    """Draw scores of two equally good models that share most of their mistakes."""
    rows = len(queries.targets)
    common = 2 * queries.targets[:, 1] + random.normal(0, SHARED, rows)
    first, second = (common + random.normal(0, OWN, rows) for _ in range(2))
    return first.astype(np.float32)[:, None], second.astype(np.float32)[:, None]


def _damage(scores: Scores, queries: Queries, lost: float, random: np.random.Generator) -> Scores:
    """Rank some queries of the first slice at random."""
    members = [query for query in queries.slices[0].rows if random.random() < lost]
    rows = np.isin(queries.targets[:, 0], members)
    damaged = scores.copy()
    damaged[rows, 0] = random.normal(0, SHARED, int(rows.sum()))
    return damaged


def _rate(count: int, models: int) -> str:
    interval = accuracy_interval(count, models)
    return f"{interval.estimate:.1%} ({interval.low:.1%} to {interval.high:.1%})"


if __name__ == "__main__":
    main()
