"""The verdict on one model: every promise of the gate against what evaluation found."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coldpress.evaluation.performance import contention
from coldpress.evaluation.scorecard.scorecard import Comparison, Evaluation, Interval, Scorecard
from coldpress.evaluation.wording import points, significance_verdict, snap_to_count
from coldpress.gate import groups
from coldpress.gate.champion import Champion
from coldpress.gate.config import Gate
from coldpress.gate.verdict import Check, Verdict

FINAL_MODEL = "onnx"
_RERUN_HINT = "; the machine was busy: run the recipe again when it is quiet, which evaluates anew"


@dataclass(frozen=True)
class _GateInput:
    """What the checks look at."""

    evaluation: Evaluation
    parity: Mapping[str, float]
    champion: Champion | None

    @property
    def card(self) -> Scorecard | None:
        return self.evaluation.models.get(FINAL_MODEL)

    @property
    def busy(self) -> bool:
        worst = contention.worst_contention(c.contention for c in self.evaluation.models.values())
        return worst is not None and worst.busy


_CheckFunction = Callable[[_GateInput, float], Check]


def run_checks(
    gate: Gate,
    evaluation: Evaluation,
    parity: Mapping[str, float],
    champion: Champion | None = None,
) -> Verdict:
    """Hold the final model to its recipe's gate.

    Args:
        gate: The promises; an empty bound is not checked.
        evaluation: All models of the run on the test split.
        parity: The export stage's metrics, see `coldpress.onnx.parity.Parity`.
        champion: The model in service; None where there is none.

    Returns:
        A check a promise, in the gate's order, parity last. One that fails refuses the model; a
        check whose value could not be had fails.
    """
    case, bounds = _GateInput(evaluation, parity, champion), gate.model_dump(exclude_none=True)
    checks = tuple(_CHECKS[name](case, bound) for name, bound in bounds.items())
    checks += (_parity(case),)
    return Verdict(passed=all(check.passed for check in checks), checks=checks)


def _max_drop(case: _GateInput, bound: float) -> Check:
    """Against the teacher."""
    for comparison in case.evaluation.comparisons:
        if (comparison.model, comparison.baseline) == (FINAL_MODEL, "teacher"):
            return _loss_check("max_drop", comparison, bound, "the teacher")
    return _missing_value_check("max_drop", bound, "The model was not compared with the teacher")


def _max_champion_drop(case: _GateInput, bound: float) -> Check:
    champion, name = case.champion, "max_champion_drop"
    if champion is None:
        return Check(
            name=name,
            value=None,
            bound=bound,
            passed=True,
            sentence="There is no champion yet that it could fall behind.",
        )
    if champion.comparison is None:
        what = f"The champion {champion.version} could not be compared with: {champion.obstacle}"
        return _missing_value_check(name, bound, what)
    return _loss_check(name, champion.comparison, bound, f"the champion {champion.version}")


def _loss_check(name: str, comparison: Comparison, bound: float, baseline: str) -> Check:
    """Judge by the end of the interval: the loss that the rows cannot rule out."""
    difference, n = comparison.difference, comparison.n
    loss = -snap_to_count(difference.low, n) + 0.0
    passed = loss <= bound
    found = (
        f"{significance_verdict(comparison)} ({points(difference.estimate)} points, 95 % interval "
        f"{points(difference.low)} to {points(difference.high)}, n = {n})"
    )
    ruled = (
        "is ruled out" if passed else f"cannot be ruled out{_too_few_rows_note(difference, bound)}"
    )
    return Check(
        name=name,
        value=loss,
        bound=bound,
        passed=passed,
        sentence=(
            f"Beside {baseline} it is {found}; a loss of more than {points(bound)} points {ruled}."
        ),
    )


def _too_few_rows_note(difference: Interval, bound: float) -> str:
    """Say so where the rows are too few for the bound: it takes 1.96 + 1.645 standard errors."""
    needed = (difference.estimate - difference.low) * (1 + 1.645 / 1.96)
    if needed <= bound:
        return ""
    return (
        f", and of models that lose nothing these rows let 95 in 100 through only where "
        f"{points(math.ceil(1000 * needed) / 1000)} points are allowed"
    )


def _max_class_drop(case: _GateInput, bound: float) -> Check:
    if not case.evaluation.equity:
        return _missing_value_check("max_class_drop", bound, "No class or slice was compared")
    return groups.check_groups(case.evaluation.equity, bound)


def _min_speedup(case: _GateInput, bound: float) -> Check:
    """Judge by the lower end of the interval: the gain that the timings can vouch for."""
    card = case.card
    if card is None or card.speedup is None:
        return _missing_value_check("min_speedup", bound, _no_speedup_reason(card))
    # Evaluations of before there were intervals have none.
    least = card.speedup if card.speedup_interval is None else card.speedup_interval.low
    passed = least >= bound
    # Where the whole interval is below the bound, it is the model, not the machine.
    within_reach = card.speedup_interval is not None and card.speedup_interval.high >= bound
    again = _RERUN_HINT if case.busy and within_reach and not passed else ""
    return Check(
        name="min_speedup",
        value=least,
        bound=bound,
        passed=passed,
        sentence=(
            f"It is {_speedup_text(card)}median, batch {card.batch}, threads {card.threads}), "
            f"where at least {bound:.6g} was asked for{again}."
        ),
    )


def _speedup_text(card: Scorecard) -> str:
    interval, than = card.speedup_interval, "times as fast as the teacher in torch"
    if interval is None:
        return f"{card.speedup:.4g} {than} ("
    return (
        f"at least {interval.low:.4g} {than} ({card.speedup:.4g} measured, 95 % interval "
        f"{interval.low:.4g} to {interval.high:.4g}, "
    )


def _no_speedup_reason(card: Scorecard | None) -> str:
    if card is None or card.speedup_undetermined is None:
        return "Its speed was not measured"
    return (
        f"How fast it is beside the teacher could not be determined ({card.speedup_undetermined}): "
        "run the recipe again when the machine is quiet, which evaluates anew"
    )


def _max_bytes(case: _GateInput, bound: float) -> Check:
    size = None if case.card is None else float(case.card.bytes)
    told = "Model and tokenizer take {value:,.0f} bytes, where up to {bound:,.0f} are allowed."
    return _upper_bound_check("max_bytes", size, bound, told)


def _max_p95_ms(case: _GateInput, bound: float) -> Check:
    latency = None if case.card is None else case.card.latency_ms
    value = None if latency is None else latency.p95
    again = _RERUN_HINT if case.busy and value is not None and value > bound else ""
    told = "95 of 100 calls end within {value:.4g} ms, where up to {bound:.6g} ms are allowed"
    return _upper_bound_check("max_p95_ms", value, bound, f"{told}{again}.")


def _max_label_change(case: _GateInput, bound: float) -> Check:
    found = None if case.card is None else case.card.invariance
    if found is None:
        return _missing_value_check(
            "max_label_change", bound, "The same texts were not asked in other ways"
        )
    changed = {"batch": found.batch, "padding": found.padding, "threads": found.threads}
    shares = {way: snap_to_count(change.labels, found.rows) for way, change in changed.items()}
    worst = max(shares, key=lambda way: shares[way])
    told = (
        f"Of {found.rows} texts asked in another way ({worst}), {points(shares[worst])} % change "
        f"their label, where up to {points(bound)} % may."
    )
    return _upper_bound_check("max_label_change", shares[worst], bound, told)


def _max_calibration_error(case: _GateInput, bound: float) -> Check:
    error = None if case.card is None else case.card.calibration_error
    told = (
        "Its confidence is off by {value:.3g} on average (expected calibration error), where up "
        "to {bound:.6g} is allowed."
    )
    return _upper_bound_check("max_calibration_error", error, bound, told)


def _parity(case: _GateInput) -> Check:
    """The export stage has refused what is out of bounds: this is its record, read again."""
    apart = case.parity.get("parity_max_logit_difference")
    bound = case.parity.get("parity_bound")
    if apart is None or bound is None or not math.isfinite(apart + bound):
        return _missing_value_check(
            "parity", 0.0, "The file was not compared with the checkpoint it is of"
        )
    told = (
        "The file's logits are within {value:.3g} of those of the checkpoint it was made from, "
        "where up to {bound:.3g} is allowed."
    )
    return _upper_bound_check("parity", apart, bound, told)


def _upper_bound_check(name: str, value: float | None, bound: float, told: str) -> Check:
    if value is None:
        return _missing_value_check(name, bound, "It was not measured")
    passed, sentence = value <= bound, told.format(value=value, bound=bound)
    return Check(name=name, value=value, bound=bound, passed=passed, sentence=sentence)


def _missing_value_check(name: str, bound: float, what: str) -> Check:
    sentence = f"{what}, and what is not known is not passed."
    return Check(name=name, value=None, bound=bound, passed=False, sentence=sentence)


_CHECKS: dict[str, _CheckFunction] = {
    "max_drop": _max_drop,
    "max_champion_drop": _max_champion_drop,
    "max_class_drop": _max_class_drop,
    "min_speedup": _min_speedup,
    "max_bytes": _max_bytes,
    "max_p95_ms": _max_p95_ms,
    "max_label_change": _max_label_change,
    "max_calibration_error": _max_calibration_error,
}
