"""The names and shapes that scripts outside of this repository read."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from coldpress.evaluation.scorecard.scorecard import Evaluation, Interval, Scorecard


@pytest.fixture
def simulated() -> Scorecard:
    return Scorecard(
        accuracy=0.95,
        macro_f1=0.94,
        parameters=5283,
        bytes=15_000_000,
        macs_per_token=4428,
        latency_ms=None,
        end_to_end_ms=None,
        batch=None,
        threads=None,
        runtime="simulated",
        per_class={},
        calibration_error=0.02,
        retention=0.99,
        agreement=0.98,
        difference=Interval(estimate=-0.01, low=-0.02, high=0.0),
        speedup=None,
        speedup_same_runtime=None,
        compression=6.0,
        truncated=0,
    )


def test_a_report_has_the_keys_that_scripts_read(simulated: Scorecard) -> None:
    evaluation = Evaluation(n=500, overlap=0, models={"quantized": simulated}, comparisons=())
    report = json.loads(evaluation.model_dump_json())
    assert {k: report[k] for k in ("split", "n", "overlap", "comparisons")} == {
        "split": "test",
        "n": 500,
        "overlap": 0,
        "comparisons": [],
    }
    card = report["models"]["quantized"]
    assert set(card) == {
        *("accuracy", "macro_f1", "parameters", "bytes", "macs_per_token", "latency_ms"),
        *("end_to_end_ms", "batch", "threads", "runtime", "per_class", "calibration_error"),
        *("retention", "agreement", "difference", "speedup", "speedup_same_runtime"),
        *("compression", "truncated", "reliability", "temperature", "invariance", "serving"),
        *(
            "computes_in",
            "operating_points",
            "vector_forms",
            "speedup_interval",
            "speedup_same_runtime_interval",
        ),
        *("speedup_undetermined", "contention", "scores", "metric", "score_interval"),
    }
    assert card["difference"] == {"estimate": -0.01, "low": -0.02, "high": 0.0}


def test_fields_that_do_not_apply_are_null_and_present(simulated: Scorecard) -> None:
    card = json.loads(simulated.model_dump_json())
    assert [card[k] for k in ("latency_ms", "end_to_end_ms", "batch", "speedup")] == [None] * 4


def test_a_report_survives_json(simulated: Scorecard) -> None:
    evaluation = Evaluation(n=500, overlap=0, models={"quantized": simulated}, comparisons=())
    assert Evaluation.model_validate_json(evaluation.model_dump_json()) == evaluation


def test_a_report_of_before_there_were_intervals_is_still_read(simulated: Scorecard) -> None:
    card = json.loads(simulated.model_copy(update={"speedup": 8.0}).model_dump_json())
    for name in ("speedup_interval", "speedup_same_runtime_interval", "speedup_undetermined"):
        assert card.pop(name) is None
    assert card.pop("contention") is None
    old = Scorecard.model_validate_json(json.dumps(card))
    assert (old.speedup, old.speedup_interval, old.contention) == (8.0, None, None)


def test_a_scorecard_cannot_be_touched_up(simulated: Scorecard) -> None:
    with pytest.raises(ValidationError):
        setattr(simulated, "accuracy", 1.0)  # noqa: B010
    with pytest.raises(ValidationError):
        Interval(estimate=float("nan"), low=0.0, high=0.0)
