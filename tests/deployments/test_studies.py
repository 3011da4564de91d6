"""Studies of searches on PostgreSQL, for a team."""

from __future__ import annotations

import pytest

from coldpress.recipe.search_space import SearchSpace
from coldpress.search.budget import Budget, Measures
from coldpress.search.database import check_database
from coldpress.search.study import Study
from tests.support import postgres


def test_a_study_goes_on_from_another_process_of_the_team(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reason = postgres.why_not()
    if reason is not None:
        pytest.skip(reason)
    budget = Budget({"p95_ms": 1.0, "retention": 0.9})
    space: SearchSpace = {"distill.student.layers": [2, 3, 4]}
    with postgres.running("studies") as cluster:
        for name, value in cluster.environment.items():
            monkeypatch.setenv(name, value)
        url = "postgresql:///studies"
        check_database(url, "COLDPRESS_STUDIES_URI")
        first = Study(url, "tiny", space, budget, seed=0)
        trial = first.propose()
        first.set_flow_run(trial.number, "run-a")
        second = Study(url, "tiny", space, budget, seed=0)
        (unfinished,) = second.unfinished()
        assert (unfinished.values, unfinished.flow_run_id) == (trial.values, "run-a")
        second.finish(unfinished.number, Measures(0.9, 0.1, 0.2, 1e6, 0.95))
        assert [c.values for c in first.candidates()] == [trial.values]
