"""Sweeps by the real command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import new_home


def test_all_combinations_are_run_and_compared_by_seed(tmp_path: Path) -> None:
    coldpress = new_home(tmp_path)
    over = ("--over", "seed=0..1", "--over", "quantize.method=dynamic-int8,static-int8")
    result = coldpress("sweep", "./tiny.yaml", *over, "--json", "sweep.json")
    assert result.code == 0, result.error
    outcome = json.loads((tmp_path / "sweep.json").read_text())["sweep"]
    assert [run["values"] for run in outcome["runs"]] == [
        {"seed": 0, "quantize.method": "dynamic-int8"},
        {"seed": 0, "quantize.method": "static-int8"},
        {"seed": 1, "quantize.method": "dynamic-int8"},
        {"seed": 1, "quantize.method": "static-int8"},
    ]
    first, second = outcome["settings"]
    assert (first["values"], first["runs"]) == ({"quantize.method": "dynamic-int8"}, 2)
    assert first["test"] is None
    assert second["test"]["seeds"] == 2
    scores = [run["score"] for run in outcome["runs"]]
    assert first["mean"] == pytest.approx((scores[0] + scores[2]) / 2)
    expected = (scores[1] - scores[0] + scores[3] - scores[2]) / 2
    assert second["test"]["difference"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ("seed", "--over seed: expected FIELD=VALUES"),
        ("seed=3..1", "--over seed=3..1: no values"),
        ("seed=1,1", "--over seed=1,1: a value occurs twice"),
        ("seeds=0..1", "unknown key"),
        ("distill.epochs=2,-1", '{"distill.epochs": -1}: distill.epochs'),
    ],
)
def test_wrong_values_are_refused_before_anything_runs(
    tmp_path: Path, over: str, message: str
) -> None:
    coldpress = new_home(tmp_path)
    result = coldpress("sweep", "./tiny.yaml", "--over", over)
    assert (result.code, len(result.error.splitlines())) == (2, 1)
    assert message in result.error
    assert not (tmp_path / "state" / "mlflow.db").exists()
