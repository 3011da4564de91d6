"""Limits of the measurements: what was not measured, and what the rows are too few for."""

from __future__ import annotations

from collections.abc import Iterator

from coldpress.evaluation.performance import contention
from coldpress.evaluation.scorecard.scorecard import Evaluation
from coldpress.kinds.samples import sample_noun
from coldpress.report.findings import Findings

_MAX_NAMES = 12


def limits(findings: Findings) -> list[str]:
    """List the limits of the measurements, one sentence each."""
    return [*_row_limits(findings), *_group_limits(findings), *_missing_measurements(findings)]


def timing_remarks(evaluation: Evaluation) -> Iterator[str]:
    """Yield sentences on how a busy machine affected the timings; none if it was quiet."""
    final = list(evaluation.models.values())[-1]
    if final.speedup_undetermined is not None:
        yield f"The speed-up could not be determined: {final.speedup_undetermined}."
    worst = contention.worst_contention(card.contention for card in evaluation.models.values())
    if worst is not None and worst.busy:
        yield (
            f"{contention.describe_contention(worst)} The intervals of the speed-ups are wider for "
            "that reason, and latencies may be lower on a quiet machine."
        )


def _row_limits(findings: Findings) -> Iterator[str]:
    evaluation = findings.evaluation
    truncated = findings.final.truncated
    yield (
        f"All numbers come from one test split of {evaluation.n} texts. "
        "Texts from other sources or in other languages were not tested."
    )
    if evaluation.overlap:
        noun = sample_noun(findings.kind)
        yield f"{evaluation.overlap} of the test {noun} also occur in the training data."
    if truncated:
        limit = findings.recipe.benchmark.max_tokens
        yield f"{truncated} of the test texts were truncated at {limit} tokens."


def _group_limits(findings: Findings) -> Iterator[str]:
    groups = findings.evaluation.equity
    if not groups:
        yield "Loss by class and slice was not evaluated."
    small = [group.name for group in groups if group.detectable_drop is None]
    if small:
        more = f" and {len(small) - _MAX_NAMES} more" if len(small) > _MAX_NAMES else ""
        names = ", ".join(small[:_MAX_NAMES])
        yield f"Too few rows to detect any loss: {names}{more}."


def _missing_measurements(findings: Findings) -> Iterator[str]:
    final = findings.final
    if final.latency_ms is None:
        yield "Latency was not measured."
    yield from timing_remarks(findings.evaluation)
    if final.invariance is None:
        yield "Invariance to batch, padding and threads was not measured."
    if final.serving is None:
        yield "Throughput, cold start and memory were not measured."
    if final.serving is None or final.serving.joules_per_text is None:
        yield "Energy was not measured."
    if findings.verdict is None:
        yield "It was not checked by a gate."
