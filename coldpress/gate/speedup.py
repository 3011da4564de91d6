"""Speed-ups in words."""

from __future__ import annotations

from coldpress.evaluation.scorecard.scorecard import Scorecard


def speedup_text(card: Scorecard) -> str:
    """Describe a speed-up and its interval, up to an open parenthesis."""
    interval = card.speedup_interval
    baseline = "times as fast as the teacher in torch"
    if interval is None:
        return f"{card.speedup:.4g} {baseline} ("
    return (
        f"at least {interval.low:.4g} {baseline} ({card.speedup:.4g} measured, 95 % interval "
        f"{interval.low:.4g} to {interval.high:.4g}, "
    )


def no_speedup_reason(card: Scorecard | None) -> str:
    """Say why there is no speed-up, as the beginning of a sentence."""
    if card is None or card.speedup_undetermined is None:
        return "Its speed was not measured"
    return (
        f"Its speed-up could not be determined ({card.speedup_undetermined}): rerun the recipe on "
        "a quiet machine to evaluate again"
    )
