"""What the numbers say, in sentences that claim no more than the intervals do."""

from __future__ import annotations

from coldpress.evaluation.scorecard.scorecard import Comparison, Group, Scorecard
from coldpress.evaluation.statistics.paired import SIGNIFICANCE_LEVEL
from coldpress.evaluation.wording import significance_verdict
from coldpress.report import formats
from coldpress.report.findings import Findings


def verdict(findings: Findings) -> str:
    """Say in a few words whether the gate let the model through."""
    if findings.verdict is None:
        return "Not judged by a gate"
    return "Passed the gate" if findings.verdict.passed else "Refused by the gate"


def headline(findings: Findings) -> str:
    """Say in one sentence how small, how fast and how accurate the model is.

    Args:
        findings: The version.

    Returns:
        Sizes and speeds against the teacher, accuracy with its interval and rows.
    """
    card, rows = findings.final, findings.evaluation.n
    smaller = formats.times(card.compression, "smaller", "larger")
    clauses = [f"{formats.size(card.bytes)}, {smaller} than its teacher"]
    if card.latency_ms is not None and (card.speedup or card.speedup_undetermined):
        clauses.append(f"{formats.short(card.latency_ms.p50)} ms for a text, {_faster(card)}")
    accuracy = findings.accuracy("onnx")
    measured = f"{formats.percent(accuracy.estimate)} % ({formats.percent_range(accuracy)})"
    clauses.append(f"right in {measured} of {rows} test texts, {_against_teacher(findings)}")
    return "; ".join(clauses) + "."


def _faster(card: Scorecard) -> str:
    if card.speedup is None:
        return "a speed-up that could not be determined"
    faster, interval = formats.times(card.speedup, "faster", "slower"), card.speedup_interval
    if interval is None:
        return faster
    return f"{faster} ({interval.low:.1f} to {interval.high:.1f} times as fast)"


def _against_teacher(findings: Findings) -> str:
    difference = findings.final.difference
    estimate = f"{formats.points(difference.estimate)} points, {formats.points_range(difference)}"
    pairs = findings.evaluation.comparisons
    pair = next((p for p in pairs if (p.model, p.baseline) == ("onnx", "teacher")), None)
    if pair is None:
        return f"against its teacher {estimate}"
    said = {
        "better": "which is more than its teacher",
        "worse": "which is less than its teacher",
        "not shown to differ": "where no difference from its teacher is shown",
    }
    return f"{said[significance_verdict(pair)]} ({estimate})"


def comparison(pair: Comparison) -> str:
    """Say which of two models is the more accurate, if the rows can tell.

    Args:
        pair: Two models on the same rows.

    Returns:
        One sentence; it calls a model better only if both interval and test do.
    """
    shown = significance_verdict(pair)
    if shown != "not shown to differ":
        word = "more" if shown == "better" else "less"
        by = formats.points(abs(pair.difference.estimate)).lstrip("+")
        return f"{pair.model} is {word} accurate than {pair.baseline}, by {by} points."
    if not pair.only_model_right and not pair.only_baseline_right:
        return f"{pair.model} and {pair.baseline} are right on the same rows."
    return f"No difference between {pair.model} and {pair.baseline} is shown."


def lost(one: Group) -> bool:
    """Whether a group of rows is shown to have lost, corrected for all that were looked at."""
    return one.p_adjusted < SIGNIFICANCE_LEVEL
