"""Error rates of every kind's gate: models without loss that it refuses, damaged ones it passes.

    python benchmarks/kind_gates.py [--kinds ranking multi-label ...] [--models 100]

Simulated teachers and students of each kind, without any loss, and with a loss in one entity type,
label or slice (`simulations/`). Classification has a script of its own, `gate.py`, with real
predictions, too.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
from simulations import entities, labels, pairs, rankings
from simulations.simulation import Simulation, judge

from coldpress.evaluation.statistics.paired import accuracy_interval

SIMULATIONS = (
    labels.LABELS,
    entities.POSTS,
    entities.DOCUMENTS,
    rankings.RANKING,
    rankings.RETRIEVAL,
    pairs.PAIRS,
)
CHECKS = ("all", "max_drop", "max_class_drop")
SEED = 0


def main() -> None:
    """Print a table for each kind."""
    kinds = sorted({simulation.kind for simulation in SIMULATIONS})
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--models", type=int, default=100)
    options = parser.parse_args()
    for simulation in SIMULATIONS:
        if simulation.kind in options.kinds:
            _print_table(simulation, options.models)


def count_passes(simulation: Simulation, count: int, lost: float, models: int) -> Counter[str]:
    """Count the models that pass.

    Args:
        simulation: Of a kind.
        count: Number of test samples.
        lost: Share of one group that is lost.
        models: Number of models to draw.

    Returns:
        By name of the check, and under `all` the models that pass all checks.
    """
    random = np.random.default_rng(SEED)
    passes: Counter[str] = Counter()
    for _ in range(models):
        verdict = judge(simulation, simulation.draw(count, lost, random))
        passes.update(check.name for check in verdict.checks if check.passed)
        passes["all"] += verdict.passed
    return passes


def _print_table(simulation: Simulation, models: int) -> None:
    bounds = simulation.gate.model_dump(exclude_none=True, exclude={"operating_points"})
    print(f"{simulation.kind}, {simulation.title}: {bounds}, {models} models, seed {SEED}")
    for count in simulation.sizes:
        passes = count_passes(simulation, count, 0.0, models)
        rates = ", ".join(f"{name} {_rate(passes[name], models)}" for name in CHECKS)
        print(f"  {count}, no loss: passes {rates}", flush=True)
        for lost in simulation.losses:
            half = models // 2
            refusals = half - count_passes(simulation, count, lost, half)["max_class_drop"]
            rate = _rate(refusals, half)
            print(f"  {count}, {lost:.0%} lost: max_class_drop refuses {rate}", flush=True)


def _rate(count: int, models: int) -> str:
    interval = accuracy_interval(count, models)
    return f"{interval.estimate:.1%} ({interval.low:.1%} to {interval.high:.1%})"


if __name__ == "__main__":
    main()
