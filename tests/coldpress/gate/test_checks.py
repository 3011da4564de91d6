"""Every check at its bound, beyond it, and without the number that it needs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldpress.evaluation.scorecard.base import Bounds
from coldpress.evaluation.scorecard.scorecard import Comparison, Evaluation
from coldpress.evaluation.scorecard.serving import Invariance, PredictionChange
from coldpress.gate import Gate
from coldpress.gate.champion import Champion
from coldpress.gate.checks import run_checks
from coldpress.gate.verdict import Check
from tests.support.evaluations import PARITY, comparison, contention, evaluation, group, scorecard

AT_THE_BOUND: dict[str, float] = {
    "max_drop": 0.02,
    "max_champion_drop": 0.02,
    "max_class_drop": 0.05,
    "min_speedup": 8.0,
    "max_bytes": 1000,
    "max_p95_ms": 2.0,
    "max_label_change": 0.03,
    "max_calibration_error": 0.04,
}
CHAMPION = Champion("trec/3", comparison(-0.02, 0.0))


def only(gate: Gate, result: Evaluation, champion: Champion | None = CHAMPION) -> list[Check]:
    """The failed checks."""
    return [c for c in run_checks(gate, result, PARITY, champion).checks if not c.passed]


def test_a_model_at_every_bound_passes_every_check() -> None:
    verdict = run_checks(Gate.model_validate(AT_THE_BOUND), evaluation(), PARITY, CHAMPION)
    assert verdict.passed
    assert {c.name: c.bound for c in verdict.checks} == {**AT_THE_BOUND, "parity": 0.02}
    assert {c.name: c.value for c in verdict.checks} == {**AT_THE_BOUND, "parity": 0.01}


@pytest.mark.parametrize(
    ("name", "tighter"),
    [
        ("max_drop", 0.0199),
        ("max_champion_drop", 0.0199),
        ("min_speedup", 8.001),
        ("max_bytes", 999),
        ("max_p95_ms", 1.999),
        ("max_label_change", 0.0299),
        ("max_calibration_error", 0.0399),
    ],
)
def test_a_model_beyond_one_bound_is_refused_for_that_alone(name: str, tighter: float) -> None:
    gate = Gate.model_validate({**AT_THE_BOUND, name: tighter})
    (check,) = only(gate, evaluation())
    assert (check.name, check.bound) == (name, tighter)
    assert check.value == pytest.approx(AT_THE_BOUND[name])
    assert not run_checks(gate, evaluation(), PARITY, CHAMPION).passed


def test_without_a_file_the_last_checkpoint_is_checked_and_parity_is_not() -> None:
    models = {"teacher": scorecard(bytes=9000), "pruned": scorecard(bytes=700)}
    loss = comparison(-0.02, 0.0).model_copy(update={"model": "pruned"})
    verdict = run_checks(
        Gate(max_bytes=800), evaluation(models=models, comparisons=(loss,)), parity=None
    )
    assert [(c.name, c.value) for c in verdict.checks] == [("max_drop", 0.02), ("max_bytes", 700)]
    assert verdict.passed


def test_an_empty_bound_is_not_checked_and_parity_always_is() -> None:
    assert [c.name for c in run_checks(Gate(), evaluation(), PARITY).checks] == [
        "max_drop",
        "parity",
    ]


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("max_drop", {"comparisons": ()}),
        ("max_class_drop", {"equity": ()}),
        ("min_speedup", {"models": {"onnx": scorecard(speedup=None)}}),
        ("max_p95_ms", {"models": {"onnx": scorecard(latency_ms=None)}}),
        ("max_label_change", {"models": {"onnx": scorecard(invariance=None)}}),
        ("max_bytes", {"models": {}}),
        ("max_calibration_error", {"models": {}}),
    ],
)
def test_a_missing_value_is_refused(name: str, changed: dict[str, Any]) -> None:
    gate = Gate.model_validate({name: AT_THE_BOUND[name]})
    (check,) = only(gate, evaluation(**changed))
    assert (check.name, check.value) == (name, None)
    assert "a check without a value fails" in check.sentence


@pytest.mark.parametrize("parity", [{}, {**PARITY, "parity_max_logit_difference": float("nan")}])
def test_a_file_without_proof_of_parity_is_refused(parity: dict[str, float]) -> None:
    check = run_checks(Gate(), evaluation(), parity).checks[-1]
    assert (check.name, check.value, check.passed) == ("parity", None, False)


def test_a_file_that_is_too_far_from_its_checkpoint_is_refused() -> None:
    parity = {**PARITY, "parity_max_logit_difference": 0.021}
    assert not run_checks(Gate(), evaluation(), parity).passed


def test_without_a_champion_the_check_passes() -> None:
    gate = Gate(max_champion_drop=0.0)
    check = run_checks(gate, evaluation(), PARITY, None).checks[1]
    assert (check.name, check.value, check.passed) == ("max_champion_drop", None, True)


def test_a_champion_that_cannot_be_compared_is_refused() -> None:
    champion = Champion("trec/3", None, "its labels differ")
    (check,) = only(Gate(max_champion_drop=1.0), evaluation(), champion)
    assert check.value is None
    assert "trec/3 could not be compared: its labels differ" in check.sentence


@pytest.mark.parametrize("setting", ["batch", "padding", "threads"])
def test_the_setting_that_changes_most_labels_counts(setting: str) -> None:
    same = PredictionChange(largest_logit=0.0, labels=0.0)
    changed = PredictionChange(largest_logit=1.0, labels=0.07)
    changes = {"batch": same, "padding": same, "threads": same, setting: changed}
    card = scorecard(invariance=Invariance(rows=100, **changes))
    (check,) = only(Gate(max_label_change=0.05), evaluation(models={"onnx": card}))
    assert check.value == 0.07
    assert f"7 % change their label with another setting of {setting};" in check.sentence


# 0.7 - 0.8 is -0.10000000000000009: one row of ten, and not more than 0.1.
@pytest.mark.parametrize(
    ("n", "before", "after", "bound"), [(10, 0.8, 0.7, 0.1), (100, 1, 0.9, 0.1)]
)
def test_a_drop_equal_to_its_bound_passes(
    n: int, before: float, after: float, bound: float
) -> None:
    slices = (group("label LOC", n, before - after, 0.0001),)
    assert only(Gate(max_class_drop=bound), evaluation(equity=slices)) == []
    drop = comparison(after - before, 0.0, n)
    assert only(Gate(max_drop=bound), evaluation(comparisons=(drop,))) == []
    assert only(Gate(max_drop=bound - 0.5 / n), evaluation(comparisons=(drop,))) != []


@given(st.integers(1, 5000), st.data())
def test_counts_equal_decimal_bounds_exactly(n: int, data: st.DataObject) -> None:
    teacher = data.draw(st.integers(0, n))
    model = data.draw(st.integers(0, teacher))
    low = model / n - teacher / n
    drop = evaluation(comparisons=(comparison(low, 0.0, n),))
    assert only(Gate(max_drop=(teacher - model) / n), drop) == []
    if teacher - model > 0:
        assert only(Gate(max_drop=(teacher - model - 1) / n), drop) != []


SHARES = st.floats(0, 1)
CARDS = st.builds(
    scorecard,
    speedup=st.none() | st.just(50.0),
    speedup_interval=st.floats(0, 50).map(lambda low: Bounds(low=low, high=100.0)),
    bytes=st.integers(1, 10**9),
    calibration_error=SHARES,
)
GROUPS = st.lists(
    st.builds(group, st.just("label x"), st.integers(1, 50), st.floats(-1, 1), SHARES), max_size=5
)
LOWS = st.floats(-1, 0).map(lambda low: comparison(low, 0.0))
GATES = st.builds(
    Gate,
    max_drop=SHARES,
    max_champion_drop=st.none() | SHARES,
    max_class_drop=st.none() | SHARES,
    min_speedup=st.none() | st.floats(0, 100),
    max_bytes=st.none() | st.integers(1, 10**9),
    max_p95_ms=st.none() | st.floats(0, 10),
    max_label_change=st.none() | SHARES,
    max_calibration_error=st.none() | SHARES,
)


def looser(first: Gate, second: Gate) -> Gate:
    """The looser of each pair of bounds; an empty one requires nothing."""
    loosest: dict[str, Any] = {}
    for name in Gate.model_fields:
        bounds = (getattr(first, name), getattr(second, name))
        either = min if name == "min_speedup" else max
        loosest[name] = None if None in bounds else either(bounds)
    return Gate(**loosest)


@settings(max_examples=300)
@given(CARDS, GROUPS, LOWS, LOWS, GATES, GATES)
def test_a_looser_bound_never_refuses_what_a_tighter_one_passed(
    card: Any,  # noqa: ANN401
    groups: list[Any],
    drop: Comparison,
    behind: Comparison,
    first: Gate,
    second: Gate,
) -> None:
    result = evaluation(models={"onnx": card}, equity=tuple(groups), comparisons=(drop,))
    champion = Champion("trec/3", behind)
    tight = {c.name: c.passed for c in run_checks(first, result, PARITY, champion).checks}
    loose = run_checks(looser(first, second), result, PARITY, champion)
    assert all(check.passed for check in loose.checks if tight[check.name])


def test_a_refusal_says_that_the_rows_are_too_few_for_the_bound() -> None:
    """Half of the interval is 0.0175: 1.8393 times that is 0.0322, above 0.03."""
    (check,) = only(Gate(), evaluation(comparisons=(comparison(-0.031, 0.004),)))
    assert check.sentence.endswith(
        "a loss of more than 3 points cannot be ruled out: with so few test rows, a model without "
        "loss passes 95 % of the time only if max_drop is at least 3.3 points."
    )
    (check,) = only(Gate(), evaluation(comparisons=(comparison(-0.04, -0.03),)))
    assert check.sentence.endswith("a loss of more than 3 points cannot be ruled out.")


def test_each_sentence_states_value_and_bound() -> None:
    gate = Gate.model_validate(AT_THE_BOUND)
    for check in run_checks(gate, evaluation(), PARITY, CHAMPION).checks:
        assert re.fullmatch(r"[A-Z0-9l].*[^.]\.", check.sentence)
        assert not re.search(r"\. [A-Z]", check.sentence)
    sentence = {c.name: c.sentence for c in run_checks(gate, evaluation(), PARITY, CHAMPION).checks}
    assert sentence["max_drop"] == (
        "Compared with the teacher, its accuracy is not shown to differ (-0.5 points, 95 % "
        "interval -2 to 1, n = 500); a loss of more than 2 points is ruled out."
    )
    assert sentence["min_speedup"] == (
        "It is at least 8 times as fast as the teacher in torch (9 measured, 95 % interval 8 to "
        "10, median, batch 1, threads 1); at least 8 is required."
    )


def refusal(gate: Gate, **changed: Any) -> str:  # noqa: ANN401
    """The sentence of the only failed check."""
    (check,) = only(gate, evaluation(models={"onnx": scorecard(**changed)}))
    return check.sentence


def test_an_undetermined_speedup_is_refused_with_reason_and_remedy() -> None:
    why = "its interval would span a factor of 7.2"
    assert refusal(
        Gate(min_speedup=0.01), speedup=None, speedup_interval=None, speedup_undetermined=why
    ) == (
        "Its speed-up could not be determined (its interval would span a factor of 7.2): rerun the "
        "recipe on a quiet machine to evaluate again; a check without a value fails."
    )


RERUN_HINT = "; the machine was busy: rerun the recipe on a quiet machine to evaluate again."


def test_a_refusal_on_a_busy_machine_mentions_the_contention() -> None:
    busy = contention(0.9)
    quiet = contention(0.05)
    speed = Gate(min_speedup=9.5)
    slow = Gate(max_p95_ms=1.0)
    assert refusal(speed, contention=busy).endswith(RERUN_HINT)
    assert refusal(slow, contention=busy).endswith(RERUN_HINT)
    assert refusal(speed, contention=quiet).endswith("; at least 9.5 is required.")
    assert refusal(slow, contention=quiet).endswith("; up to 1 ms are allowed.")
    assert refusal(Gate(min_speedup=11), contention=busy).endswith("; at least 11 is required.")
    assert only(Gate(min_speedup=8), evaluation(models={"onnx": scorecard(contention=busy)})) == []


def test_an_evaluation_without_intervals_is_checked_by_its_point_estimate() -> None:
    card = scorecard(speedup_interval=None)
    (check,) = run_checks(Gate(min_speedup=9), evaluation(models={"onnx": card}), PARITY).checks[
        1:2
    ]
    assert (check.value, check.passed) == (9.0, True)
    assert check.sentence.startswith("It is 9 times as fast as the teacher in torch (median, ")
