"""Results in sentences that claim no more than the intervals do."""

from __future__ import annotations

from coldpress.evaluation.scorecard.final_model import TEACHER
from coldpress.evaluation.scorecard.scorecard import Comparison, Group, Scorecard
from coldpress.evaluation.statistics.paired import SIGNIFICANCE_LEVEL
from coldpress.evaluation.wording import significance_verdict
from coldpress.kinds.samples import sample_noun
from coldpress.report import formats
from coldpress.report.findings import Findings


def verdict(findings: Findings) -> str:
    """Return the verdict of the gate in a few words."""
    if findings.verdict is None:
        return "Not checked by a gate"
    return "Passed the gate" if findings.verdict.passed else "Refused by the gate"


def headline(findings: Findings) -> str:
    """Summarize size, speed and quality of the model against its teacher in one sentence."""
    card = findings.final
    clauses = [_size(card)]
    if card.latency_ms is not None:
        faster = f", {_faster(card)}" if card.speedup or card.speedup_undetermined else ""
        clauses.append(f"{formats.short(card.latency_ms.p50)} ms per text{faster}")
    score = findings.score(findings.final_name)
    measured = f"{formats.percent(score.estimate)} % ({formats.percent_range(score)})"
    clauses.append(
        f"{findings.metric.title} {measured} on {test_size(findings)}, {_against_teacher(findings)}"
    )
    return "; ".join(clauses) + "."


def _size(card: Scorecard) -> str:
    size = formats.size(card.bytes or 0)
    if card.compression is None:
        return size
    return f"{size}, {formats.times(card.compression, 'smaller', 'larger')} than its teacher"


def test_size(findings: Findings) -> str:
    """Return the number of test samples in words, as in `500 test texts`."""
    compared = findings.evaluation.comparisons
    count = compared[0].n if compared else findings.evaluation.n
    return f"{count} test {sample_noun(findings.kind)}"


def _faster(card: Scorecard) -> str:
    if card.speedup is None:
        return "speed-up not determined"
    faster = formats.times(card.speedup, "faster", "slower")
    interval = card.speedup_interval
    if interval is None:
        return faster
    return f"{faster} ({interval.low:.1f} to {interval.high:.1f} times as fast)"


def _against_teacher(findings: Findings) -> str:
    difference = findings.final.difference
    if difference is None:
        return "not compared with its teacher, whose answers for them are not known"
    points = formats.signed_points(difference.estimate)
    estimate = f"{points} points, {formats.signed_points_range(difference)}"
    pairs = findings.evaluation.comparisons
    names = (findings.final_name, TEACHER)
    pair = next((p for p in pairs if (p.model, p.baseline) == names), None)
    if pair is None:
        return f"against its teacher {estimate}"
    phrases = {
        "better": "better than its teacher",
        "worse": "worse than its teacher",
        "not shown to differ": "not shown to differ from its teacher",
    }
    return f"{phrases[significance_verdict(pair)]} ({estimate})"


def comparison(pair: Comparison) -> str:
    """Say which of two models is better, if the difference is significant."""
    result = significance_verdict(pair)
    if result != "not shown to differ":
        by = formats.signed_points(abs(pair.difference.estimate)).lstrip("+")
        return f"{pair.model} is {_comparative(pair, result)} than {pair.baseline}, by {by} points."
    if pair.only_model_right == pair.only_baseline_right == 0:
        return f"{pair.model} and {pair.baseline} are correct on the same rows."
    return f"{pair.model} and {pair.baseline} are not shown to differ."


def _comparative(pair: Comparison, result: str) -> str:
    """Return `more accurate` or the like; only classifiers are compared by McNemar's test."""
    if pair.mcnemar_p is None:
        return result
    return "more accurate" if result == "better" else "less accurate"


def is_lost(group: Group) -> bool:
    """Whether a group has a significant loss after correction for the number of groups."""
    return group.p_adjusted < SIGNIFICANCE_LEVEL
