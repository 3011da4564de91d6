"""What a reader must not conclude: what was not measured, and what the rows are too few for."""

from __future__ import annotations

from collections.abc import Iterator

from coldpress.evaluation.performance import contention
from coldpress.evaluation.scorecard.scorecard import Evaluation
from coldpress.report.findings import Findings

_MAX_NAMES = 12


def limits(findings: Findings) -> list[str]:
    """List what the measurements do not say.

    Args:
        findings: The version.

    Returns:
        Sentences.
    """
    return [*_row_limits(findings), *_group_limits(findings), *_missing_measurements(findings)]


def timing_remarks(evaluation: Evaluation) -> Iterator[str]:
    """Say what a busy machine did to the timings.

    Args:
        evaluation: Of a run.

    Yields:
        Sentences; none where the machine was quiet.
    """
    final = list(evaluation.models.values())[-1]
    if final.speedup_undetermined is not None:
        yield f"The speed-up could not be determined: {final.speedup_undetermined}."
    worst = contention.worst_contention(card.contention for card in evaluation.models.values())
    if worst is not None and worst.busy:
        yield (
            f"{contention.describe_contention(worst)} Speed-ups are the middles of intervals that "
            "are wider for it, and on a quiet machine latencies may be lower."
        )


def _row_limits(findings: Findings) -> Iterator[str]:
    evaluation, cut = findings.evaluation, findings.final.truncated
    yield (
        f"All numbers are of one test split of {evaluation.n} texts. "
        "Texts of another origin, kind or language were not tried."
    )
    if evaluation.overlap:
        yield f"{evaluation.overlap} of the test texts also stand in the training data."
    if cut:
        longest = findings.recipe.benchmark.max_tokens
        yield f"{cut} of the test texts were longer than {longest} tokens and were cut."


def _group_limits(findings: Findings) -> Iterator[str]:
    groups = findings.evaluation.equity
    if not groups:
        yield "What compression did to single classes or slices was not judged."
    small = [group.name for group in groups if group.detectable_drop is None]
    if small:
        more = f" and {len(small) - _MAX_NAMES} more" if len(small) > _MAX_NAMES else ""
        named = ", ".join(small[:_MAX_NAMES])
        yield f"Too few rows to show any loss: {named}{more}."


def _missing_measurements(findings: Findings) -> Iterator[str]:
    final = findings.final
    if final.latency_ms is None:
        yield "Latency was not measured."
    yield from timing_remarks(findings.evaluation)
    if final.invariance is None:
        yield "Whether batch, padding or threads change answers was not measured."
    if final.serving is None:
        yield "Throughput, cold start and memory were not measured."
    if final.serving is None or final.serving.joules_per_text is None:
        yield "Energy was not measured."
    if findings.verdict is None:
        yield "No gate judged it."
