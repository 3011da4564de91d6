"""Evaluations with numbers that a test sets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coldpress.evaluation.performance.contention import Contention
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.base import Bounds
from coldpress.evaluation.scorecard.scorecard import (
    Comparison,
    Evaluation,
    Group,
    Interval,
    Percentiles,
    Scorecard,
)
from coldpress.evaluation.scorecard.serving import Invariance, PredictionChange
from coldpress.evaluation.subgroups import equity
from coldpress.gate import champion

PARITY = {"parity_max_logit_difference": 0.01, "parity_bound": 0.02}


def scorecard(**changed: Any) -> Scorecard:  # noqa: ANN401
    """A final model: 8 to 10 times as fast, 1000 bytes, p95 of 2 ms, 3 of 100 labels change."""
    unchanged = PredictionChange(largest_logit=0.1, labels=0.01)
    fields: dict[str, Any] = {
        "accuracy": 0.9,
        "macro_f1": 0.9,
        "parameters": 10,
        "bytes": 1000,
        "macs_per_token": 10,
        "latency_ms": Percentiles(p50=1.0, p95=2.0, p99=3.0),
        "end_to_end_ms": 1.0,
        "batch": 1,
        "threads": 1,
        "runtime": "onnxruntime",
        "per_class": {},
        "calibration_error": 0.04,
        "retention": 1.0,
        "agreement": 1.0,
        "difference": interval(0.0, 0.0),
        "speedup": 9.0,
        "speedup_interval": Bounds(low=8.0, high=10.0),
        "speedup_same_runtime": 2.0,
        "compression": 5.0,
        "truncated": 0,
        "invariance": Invariance(
            rows=100,
            batch=unchanged,
            padding=PredictionChange(largest_logit=0.2, labels=0.03),
            threads=unchanged,
        ),
    }
    return Scorecard(**{**fields, **changed})


def contention(others: float) -> Contention:
    """A machine of which other processes used a share."""
    return Contention(
        cpu_share=1.0, interrupted=0.0, others=others, steal=0.0, waiting=0.0, load=1.0
    )


def interval(low: float, high: float) -> Interval:
    """An interval with its estimate in the middle."""
    return Interval(estimate=(low + high) / 2, low=low, high=high)


def comparison(low: float, high: float, n: int = 500, p: float = 1.0) -> Comparison:
    """The final model against the teacher."""
    return Comparison(
        model="onnx",
        baseline="teacher",
        n=n,
        difference=interval(low, high),
        mcnemar_p=p,
        only_model_right=0,
        only_baseline_right=0,
    )


def group(
    name: str, n: int, drop: float, p_adjusted: float, detectable: float | None = 0.2
) -> Group:
    """Rows that lost `drop`; `detectable` is their smallest detectable drop."""
    return Group(
        kind="class",
        name=name,
        n=n,
        before=1.0,
        after=1.0 - max(drop, 0.0),
        difference=interval(-drop, -drop),
        p=p_adjusted,
        p_adjusted=p_adjusted,
        detectable_drop=detectable,
    )


def evaluation(**changed: Any) -> Evaluation:  # noqa: ANN401
    """500 rows, at most 2 points lost, two groups without a significant loss."""
    fields: dict[str, Any] = {
        "n": 500,
        "overlap": 0,
        "models": {"onnx": scorecard()},
        "comparisons": (comparison(-0.02, 0.01),),
        "equity": (group("label LOC", 80, 0.05, 1.0), group("label NUM", 100, -0.01, 1.0)),
    }
    return Evaluation(**{**fields, **changed})


def compared(predictions: Predictions, model: str) -> Evaluation:
    """Compare the predictions of a model with the teacher's as evaluation does, without costs."""
    teacher = predictions.outputs["teacher"]
    pair = replace(predictions, outputs={"teacher": teacher, model: predictions.outputs[model]})
    against_teacher = champion.compare_with_champion("teacher", pair, teacher).comparison
    return Evaluation(
        n=len(predictions.targets),
        overlap=0,
        models={},
        comparisons=() if against_teacher is None else (against_teacher,),
        equity=equity.compare_groups(equity.target_groups(pair)),
    )
