"""Check the final model against every bound of the gate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coldpress.evaluation.performance import contention
from coldpress.evaluation.scorecard.final_model import final_model_name
from coldpress.evaluation.scorecard.scorecard import Comparison, Evaluation, Interval, Scorecard
from coldpress.evaluation.statistics.score_interval import card_interval
from coldpress.evaluation.wording import points, significance_verdict, snap_to_count
from coldpress.gate import groups
from coldpress.gate.bounds import check_upper_bound, report_missing_value
from coldpress.gate.champion import Champion
from coldpress.gate.config import Gate
from coldpress.gate.point_bounds import check_points
from coldpress.gate.score import check_score
from coldpress.gate.speedup import no_speedup_reason, speedup_text
from coldpress.gate.verdict import Check, Verdict
from coldpress.kinds import task_kind

_RERUN_HINT = "; the machine was busy: rerun the recipe on a quiet machine to evaluate again"


@dataclass(frozen=True)
class _GateInput:
    """Everything that the checks read."""

    evaluation: Evaluation
    champion: Champion | None

    @property
    def metric(self) -> str:
        return task_kind(self.evaluation.kind).metrics[0].title

    @property
    def samples(self) -> str:
        return task_kind(self.evaluation.kind).samples_title

    @property
    def card(self) -> Scorecard | None:
        return self.evaluation.models.get(final_model_name(self.evaluation))

    @property
    def busy(self) -> bool:
        worst = contention.worst_contention(c.contention for c in self.evaluation.models.values())
        return worst is not None and worst.busy


def run_checks(
    gate: Gate,
    evaluation: Evaluation,
    parity: Mapping[str, float] | None,
    champion: Champion | None = None,
) -> Verdict:
    """Check the final model against the gate of its recipe.

    Args:
        gate: The bounds; an empty one is not checked.
        evaluation: All models of the run on the test split.
        parity: Metrics of the export stage, see `coldpress.onnx.parity.Parity`; None without it.
        champion: The current champion; None if there is none.

    Returns:
        One check per bound in the order of the gate, then parity. A single failed check refuses the
        model; a check without a value fails.
    """
    gate_input = _GateInput(evaluation, champion)
    bounds = gate.model_dump(exclude_none=True, exclude={"operating_points"})
    checks = tuple(_CHECKS[name](gate_input, bound) for name, bound in bounds.items())
    measured = () if gate_input.card is None else gate_input.card.operating_points
    checks += tuple(check_points(gate.operating_points, measured))
    checks += () if parity is None else (_parity(parity),)
    return Verdict(passed=all(check.passed for check in checks), checks=checks)


def _max_drop(gate_input: _GateInput, bound: float) -> Check:
    """Check the loss against the teacher."""
    final = final_model_name(gate_input.evaluation)
    for comparison in gate_input.evaluation.comparisons:
        if (comparison.model, comparison.baseline) == (final, "teacher"):
            subject = f"Compared with the teacher, its {gate_input.metric}"
            return _loss_check("max_drop", comparison, bound, subject, gate_input.samples)
    return report_missing_value("max_drop", bound, "The model was not compared with the teacher")


def _min_score(gate_input: _GateInput, bound: float) -> Check:
    card = gate_input.card
    if card is None:
        return report_missing_value("min_score", bound, "The model was not evaluated")
    return check_score(card_interval(card, gate_input.evaluation.n), bound, gate_input.metric)


def _max_champion_drop(gate_input: _GateInput, bound: float) -> Check:
    name = "max_champion_drop"
    champion = gate_input.champion
    if champion is None:
        sentence = "There is no champion yet to compare with."
        return Check(name=name, value=None, bound=bound, passed=True, sentence=sentence)
    if champion.comparison is None:
        problem = f"The champion {champion.version} could not be compared: {champion.obstacle}"
        return report_missing_value(name, bound, problem)
    subject = f"Compared with the champion {champion.version}, its {gate_input.metric}"
    return _loss_check(name, champion.comparison, bound, subject, gate_input.samples)


def _loss_check(
    name: str, comparison: Comparison, bound: float, subject: str, samples: str
) -> Check:
    """Check the lower end of the interval: the largest loss that the samples cannot rule out."""
    difference = comparison.difference
    loss = -snap_to_count(difference.low, comparison.n) + 0.0
    passed = loss <= bound
    unit = "" if samples == "rows" else f" {samples}"
    result = (
        f"{significance_verdict(comparison)} ({points(difference.estimate)} points, 95 % interval "
        f"{points(difference.low)} to {points(difference.high)}, n = {comparison.n}{unit})"
    )
    note = "" if passed else _too_few_samples_note(name, difference, bound, samples)
    ruled_out = "is ruled out" if passed else f"cannot be ruled out{note}"
    return Check(
        name=name,
        value=loss,
        bound=bound,
        passed=passed,
        sentence=(
            f"{subject} is {result}; a loss of more than {points(bound)} points {ruled_out}."
        ),
    )


def _too_few_samples_note(name: str, difference: Interval, bound: float, samples: str) -> str:
    """Say so if the samples are too few for the bound: it takes 1.96 + 1.645 standard errors."""
    needed = (difference.estimate - difference.low) * (1 + 1.645 / 1.96)
    if needed <= bound:
        return ""
    return (
        f": with so few test {samples}, a model without loss passes 95 % of the time only if "
        f"{name} is at least {points(math.ceil(1000 * needed) / 1000)} points"
    )


def _max_class_drop(gate_input: _GateInput, bound: float) -> Check:
    evaluation = gate_input.evaluation
    if not evaluation.equity:
        return report_missing_value("max_class_drop", bound, "No class or slice was compared")
    metric = task_kind(evaluation.kind).sample_metric
    return groups.check_groups(evaluation.equity, bound, metric.title)


def _min_speedup(gate_input: _GateInput, bound: float) -> Check:
    """Check the lower end of the interval: the speed-up that the timings guarantee."""
    card = gate_input.card
    if card is None or card.speedup is None:
        return report_missing_value("min_speedup", bound, no_speedup_reason(card))
    interval = card.speedup_interval
    # Evaluations of earlier releases have no interval.
    lowest = card.speedup if interval is None else interval.low
    passed = lowest >= bound
    # If the whole interval is below the bound, the model is too slow, not the machine.
    within_reach = interval is not None and interval.high >= bound
    hint = _RERUN_HINT if gate_input.busy and within_reach and not passed else ""
    return Check(
        name="min_speedup",
        value=lowest,
        bound=bound,
        passed=passed,
        sentence=(
            f"It is {speedup_text(card)}median, batch {card.batch}, threads {card.threads}); "
            f"at least {bound:.6g} is required{hint}."
        ),
    )


def _max_bytes(gate_input: _GateInput, bound: float) -> Check:
    size = None if gate_input.card is None else gate_input.card.bytes
    template = "Model and tokenizer take {value:,.0f} bytes; up to {bound:,.0f} are allowed."
    return check_upper_bound("max_bytes", size, bound, template)


def _max_p95_ms(gate_input: _GateInput, bound: float) -> Check:
    latency = None if gate_input.card is None else gate_input.card.latency_ms
    value = None if latency is None else latency.p95
    hint = _RERUN_HINT if gate_input.busy and value is not None and value > bound else ""
    template = "95 of 100 calls end within {value:.4g} ms; up to {bound:.6g} ms are allowed"
    return check_upper_bound("max_p95_ms", value, bound, f"{template}{hint}.")


def _max_label_change(gate_input: _GateInput, bound: float) -> Check:
    invariance = None if gate_input.card is None else gate_input.card.invariance
    if invariance is None:
        return report_missing_value("max_label_change", bound, "Invariance was not measured")
    changes = {
        "batch": invariance.batch,
        "padding": invariance.padding,
        "threads": invariance.threads,
    }
    shares = {
        name: snap_to_count(change.labels, invariance.rows)
        for name, change in changes.items()
        if change.labels is not None
    }
    if not shares:
        return report_missing_value("max_label_change", bound, "The model has no labels")
    worst = max(shares, key=lambda name: shares[name])
    template = (
        f"Of {invariance.rows} texts, {points(shares[worst])} % change their label with another "
        f"setting of {worst}; up to {points(bound)} % are allowed."
    )
    return check_upper_bound("max_label_change", shares[worst], bound, template)


def _max_calibration_error(gate_input: _GateInput, bound: float) -> Check:
    error = None if gate_input.card is None else gate_input.card.calibration_error
    template = (
        "Its confidence is off by {value:.3g} on average (expected calibration error); up to "
        "{bound:.6g} is allowed."
    )
    return check_upper_bound("max_calibration_error", error, bound, template)


def _parity(metrics: Mapping[str, float]) -> Check:
    """Check parity again, from the metrics of the export stage."""
    difference = metrics.get("parity_max_logit_difference")
    bound = metrics.get("parity_bound")
    if difference is None or bound is None or not math.isfinite(difference + bound):
        return report_missing_value("parity", 0.0, "The file was not compared with its checkpoint")
    template = (
        "The file's logits differ from those of its checkpoint by at most {value:.3g}; up to "
        "{bound:.3g} is allowed."
    )
    return check_upper_bound("parity", difference, bound, template)


_CHECKS: dict[str, Callable[[_GateInput, float], Check]] = {
    "max_drop": _max_drop,
    "min_score": _min_score,
    "max_champion_drop": _max_champion_drop,
    "max_class_drop": _max_class_drop,
    "min_speedup": _min_speedup,
    "max_bytes": _max_bytes,
    "max_p95_ms": _max_p95_ms,
    "max_label_change": _max_label_change,
    "max_calibration_error": _max_calibration_error,
}
