"""The gate of every kind: models without loss pass, and a loss in one group is refused."""

from __future__ import annotations

import numpy as np
import pytest
from kind_gates import count_passes
from simulations import entities, labels, pairs, rankings
from simulations.simulation import Simulation, judge

# With the documented numbers of samples. Pairs are slow: every resample is ranked anew.
CASES = [
    pytest.param(labels.LABELS, 2000, 5, "label label 0", id="multi-label"),
    pytest.param(entities.POSTS, 2000, 5, "entity corporation", id="posts"),
    pytest.param(entities.DOCUMENTS, 200, 5, "entity corporation", id="documents"),
    pytest.param(rankings.RANKING, 300, 5, "topic 0", id="ranking"),
    pytest.param(rankings.RETRIEVAL, 300, 5, "topic 0", id="retrieval"),
    pytest.param(pairs.PAIRS, 300, 2, "topic 0", id="pairs"),
]


@pytest.mark.parametrize(("simulation", "count", "models", "group"), CASES)
def test_models_without_loss_pass_and_a_lost_group_is_refused(
    simulation: Simulation, count: int, models: int, group: str
) -> None:
    assert count_passes(simulation, count, 0.0, models)["all"] == models
    verdict = judge(simulation, simulation.draw(count, 1.0, np.random.default_rng(1)))
    checks = {check.name: check for check in verdict.checks}
    assert not verdict.passed
    assert not checks["max_class_drop"].passed
    assert checks["max_class_drop"].sentence.startswith(f"{group} lost ")


def test_the_simulated_entities_of_a_text_depend_on_each_other() -> None:
    """Otherwise a test that takes them for independent would pass, too: the variance of the number
    of missed persons in a text is larger than that of independent misses."""
    data = entities.draw(10, 500, 0.0, np.random.default_rng(0))
    persons = data.targets[:, 0] == 1
    texts = data.targets[persons, 1]
    misses = data.outputs[0].argmax(axis=1)[persons] != 1
    counts = np.bincount(texts)
    excess = np.bincount(texts, weights=misses) - entities.MISSED * counts
    independent = entities.MISSED * (1 - entities.MISSED) * counts
    assert excess.var() > 1.5 * independent.mean()
