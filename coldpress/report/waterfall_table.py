"""Waterfall of the stages as a table: score, size and latency of every model."""

from __future__ import annotations

from typing import Any

from coldpress.evaluation.scorecard.scorecard import Evaluation, Scorecard
from coldpress.evaluation.statistics.score_interval import card_interval


def waterfall_table(evaluation: Evaluation) -> list[dict[str, Any]]:
    """List the models in the order of the stages, one flat row each.

    Args:
        evaluation: Evaluation of a run.

    Returns:
        Rows with the same keys: fractions, bytes and milliseconds; None if not applicable.
    """
    return [_table_row(name, card, evaluation.n) for name, card in evaluation.models.items()]


def _table_row(name: str, card: Scorecard, rows: int) -> dict[str, Any]:
    interval = card_interval(card, rows)
    latency = card.latency_ms
    gain = card.speedup_interval
    return {
        "model": name,
        "runtime": card.runtime,
        **card.scores,
        f"{card.metric}_low": interval.low,
        f"{card.metric}_high": interval.high,
        "retention": card.retention,
        "agreement": card.agreement,
        "parameters": card.parameters,
        "bytes": card.bytes,
        "compression": card.compression,
        "macs_per_token": card.macs_per_token,
        "p50_ms": latency and latency.p50,
        "p95_ms": latency and latency.p95,
        "end_to_end_ms": card.end_to_end_ms,
        "speedup": card.speedup,
        "speedup_low": gain and gain.low,
        "speedup_high": gain and gain.high,
        "speedup_same_runtime": card.speedup_same_runtime,
    }
