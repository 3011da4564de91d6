"""Waterfall of the stages: score, size and latency of every model."""

from __future__ import annotations

from dataclasses import dataclass, replace

from coldpress.evaluation.scorecard.final_model import TEACHER
from coldpress.evaluation.scorecard.scorecard import Scorecard
from coldpress.evaluation.wording import describe_untimed
from coldpress.report import formats
from coldpress.report.findings import Findings
from coldpress.report.marks import Mark, interval_mark
from coldpress.report.scale import Scale


@dataclass(frozen=True)
class Panel:
    """Rows on one axis.

    Attributes:
        title: Title of the panel.
        unit: Unit and conditions.
        marks: Rows from top to bottom.
        reference: Position of a thin line through all rows.
    """

    title: str
    unit: str
    marks: tuple[Mark, ...]
    reference: float | None = None


def waterfall_panels(findings: Findings) -> tuple[Panel, ...]:
    """Lay out the models from the teacher to the final one.

    Returns:
        Score, size, and latency if any model was timed.
    """
    all_panels = [_score(findings), _size(findings)]
    if any(card.latency_ms for card in findings.evaluation.models.values()):
        all_panels.append(_latency(findings))
    return tuple(all_panels)


def _score(findings: Findings) -> Panel:
    names = list(findings.evaluation.models)
    intervals = [findings.score(name) for name in names]
    scale = Scale.around(n for i in intervals for n in (i.low, i.high))
    marks = (
        replace(
            interval_mark(name, i, scale, formats.percent(i.estimate), formats.percent_range(i)),
            strong=name == findings.final_name,
        )
        for name, i in zip(names, intervals, strict=True)
    )
    unit = f"percent, 95 % interval, {findings.evaluation.n} test texts"
    return Panel(findings.metric.heading, unit, tuple(marks), scale.place(intervals[0].estimate))


def _size(findings: Findings) -> Panel:
    models = findings.evaluation.models
    lengths = {name: card.bytes / 1e6 for name, card in models.items() if card.bytes is not None}
    strong = findings.final_name
    marks = (
        _bar(name, lengths, _smaller(name, card), strong)
        if name in lengths
        else Mark(name, "", describe_untimed(card))
        for name, card in models.items()
    )
    return Panel("Size", "megabytes, weights and tokenizer", tuple(marks))


def _latency(findings: Findings) -> Panel:
    models = findings.evaluation.models
    medians = {name: c.latency_ms.p50 for name, c in models.items() if c.latency_ms}
    marks = (
        _bar(name, medians, _faster(name, card), findings.final_name)
        if name in medians
        else Mark(name, "", describe_untimed(card))
        for name, card in models.items()
    )
    return Panel("Latency", _conditions(findings), tuple(marks))


def _bar(name: str, lengths: dict[str, float], remark: str, strong: str) -> Mark:
    share = lengths[name] / max(lengths.values())
    return Mark(name, formats.short(lengths[name]), remark, share, strong=name == strong)


def _smaller(name: str, card: Scorecard) -> str:
    if name == TEACHER or card.compression is None:
        return ""
    return formats.times(card.compression, "smaller", "larger")


def _faster(name: str, card: Scorecard) -> str:
    if name == TEACHER:
        return ""
    if card.speedup is None:
        return formats.speedup(card)
    return formats.times(card.speedup, "faster", "slower")


def _conditions(findings: Findings) -> str:
    timed = next(c for c in findings.evaluation.models.values() if c.latency_ms)
    threads = f"{timed.threads} thread" + ("" if timed.threads == 1 else "s")
    return f"milliseconds, median, batch {timed.batch}, {threads}"
