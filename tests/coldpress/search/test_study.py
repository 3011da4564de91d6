"""Studies: proposals, outcomes, and what stays after a killed search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coldpress.recipe.search_space import Range, SearchSpace
from coldpress.search.budget import Budget, Measures
from coldpress.search.study import Study

BUDGET = Budget({"p95_ms": 0.5, "retention": 0.9})
SPACE: SearchSpace = {
    "distill.student.layers": [2, 3, 4],
    "distill.alpha": Range(low=0.1, high=0.9),
    "quantize": [{"method": "dynamic-int8"}, {"method": "k-bit", "bits": 4}],
}


def measures(layers: int) -> Measures:
    """More layers are better and slower, whatever the other values are."""
    return Measures(0.7 + 0.05 * layers, 0.1 * layers, 0.15 * layers, 1e6, 0.9 + 0.01 * layers)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'studies.db'}"


def open_study(url: str, space: SearchSpace = SPACE) -> Study:
    return Study(url, "tiny", space, BUDGET, seed=0)


def run_trials(study: Study, count: int) -> None:
    for _ in range(count):
        trial = study.propose()
        study.set_flow_run(trial.number, f"run-{trial.number}")
        study.finish(trial.number, measures(trial.values["distill.student.layers"]))


def test_values_are_those_of_the_space(url: str) -> None:
    study = open_study(url)
    run_trials(study, 12)
    for candidate in study.candidates():
        assert candidate.values["distill.student.layers"] in (2, 3, 4)
        assert 0.1 <= candidate.values["distill.alpha"] <= 0.9
        assert candidate.values["quantize"] in SPACE["quantize"]
    assert study.finished_count() == 12


def test_an_unfinished_trial_is_found_again_with_its_values(url: str) -> None:
    first = open_study(url)
    run_trials(first, 2)
    trial = first.propose()
    first.set_flow_run(trial.number, "run-a")

    second = open_study(url)
    (unfinished,) = second.unfinished()
    assert (unfinished.number, unfinished.values) == (trial.number, trial.values)
    assert unfinished.flow_run_id == "run-a"
    second.finish(unfinished.number, measures(3))
    assert second.unfinished() == []
    assert second.finished_count() == 3
    assert [c.number for c in second.candidates()] == [0, 1, 2]


def test_outcomes_are_counted(url: str) -> None:
    study = open_study(url)
    run_trials(study, 1)
    study.end(study.propose().number, "poor", "a low score")
    study.end(study.propose().number, "failed", "no memory")
    counts = [study.count("finished"), study.count("poor"), study.count("failed")]
    assert counts == [1, 1, 1]
    assert study.finished_count() == 3
    assert [c.number for c in study.candidates()] == [0]
    assert study.failures() == ["a low score", "no memory"]


def test_repeated_values_do_not_count_as_a_trial(url: str) -> None:
    study = open_study(url, {"distill.student.layers": [2]})
    run_trials(study, 1)
    again = study.propose()
    assert again.values == {"distill.student.layers": 2}
    assert study.repeat(again)
    assert study.finished_count() == 1
    assert [c.number for c in study.candidates()] == [0]


def test_other_values_are_not_a_repetition(url: str) -> None:
    study = open_study(url, {"distill.alpha": Range(low=0.0, high=1.0)})
    first = study.propose()
    study.set_flow_run(first.number, "run-a")
    study.finish(first.number, measures(2))
    assert not study.repeat(study.propose())


def test_random_proposals_reach_all_values(url: str) -> None:
    study = open_study(url, {"distill.student.layers": [2, 3, 4, 5, 6]})
    tried = {study.propose(at_random=True).values["distill.student.layers"] for _ in range(60)}
    assert tried == {2, 3, 4, 5, 6}


def test_importances_name_the_field_that_matters(url: str) -> None:
    study = open_study(url)
    run_trials(study, 20)
    importances: dict[str, Any] = study.importances()
    assert list(importances) == ["score", "p95_ms"]
    assert importances["p95_ms"]["distill.student.layers"] > 0.9


def test_an_objective_that_nothing_changes_has_no_importances(url: str) -> None:
    study = open_study(url, {"distill.student.layers": [2, 3], "distill.alpha": [0.1, 0.2]})
    assert study.importances() == {"score": {}, "p95_ms": {}}
    for number in range(4):
        trial = study.propose()
        study.set_flow_run(trial.number, f"run-{number}")
        study.finish(trial.number, Measures(0.5, 0.1, 0.1 * (1 + trial.number), 1e6, 0.9))
    importances = study.importances()
    assert importances["score"] == {}
    assert importances["p95_ms"].keys() == {"distill.student.layers", "distill.alpha"}


def test_timings_are_kept_for_the_next_search(url: str) -> None:
    open_study(url).set_timings({0: (0.1, 0.2)})
    assert open_study(url).timings() == {0: (0.1, 0.2)}
