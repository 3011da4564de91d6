"""The gate must hold on each processor on which a model was evaluated."""

from __future__ import annotations

from coldpress.evaluation.scorecard.scorecard import Evaluation, Percentiles
from coldpress.gate import Gate, markdown
from coldpress.gate.checks import run_checks
from coldpress.gate.verdict import Verdict, join_verdicts
from tests.support.evaluations import PARITY, evaluation, scorecard

GATE = Gate(max_drop=None, max_class_drop=None, max_p95_ms=2.0)
FAST = "AMD EPYC 7B13"
SLOW = "Neoverse-N1"


def on(processor: str, p95: float) -> Evaluation:
    """An evaluation on a processor."""
    card = scorecard(latency_ms=Percentiles(p50=p95 / 2, p95=p95, p99=p95))
    return evaluation(models={"onnx": card}, conditions={"processor": processor})


def verdicts(*evaluations: Evaluation) -> dict[str, Verdict]:
    return {e.conditions["processor"]: run_checks(GATE, e, PARITY) for e in evaluations}


def test_a_model_that_is_too_slow_on_one_of_two_processors_is_refused() -> None:
    verdict = join_verdicts(verdicts(on(FAST, 1.0), on(SLOW, 3.0)))
    assert not verdict.passed
    assert [(c.processor, c.name, c.passed) for c in verdict.checks] == [
        (FAST, "max_p95_ms", True),
        (FAST, "parity", True),
        (SLOW, "max_p95_ms", False),
        (SLOW, "parity", True),
    ]
    assert markdown.failed_sentences(verdict) == (
        "On Neoverse-N1: 95 of 100 calls end within 3 ms; up to 2 ms are allowed."
    )


def test_a_model_that_holds_on_both_passes() -> None:
    assert join_verdicts(verdicts(on(FAST, 1.0), on(SLOW, 2.0))).passed


def test_the_verdict_of_one_processor_does_not_name_it() -> None:
    (alone,) = verdicts(on(FAST, 1.0)).values()
    assert join_verdicts({FAST: alone}) == alone
    assert {check.processor for check in alone.checks} == {None}
