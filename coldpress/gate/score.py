"""Check the metric of the final model against an absolute bound."""

from __future__ import annotations

from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.evaluation.wording import points
from coldpress.gate.verdict import Check


def check_score(score: Interval, bound: float, metric: str) -> Check:
    """Check the lower end of the interval: the score that the samples guarantee.

    Args:
        score: The gated metric with its 95 % interval.
        bound: Smallest allowed value.
        metric: Title of the metric.
    """
    return Check(
        name="min_score",
        value=score.low,
        bound=bound,
        passed=score.low >= bound,
        sentence=(
            f"Its {metric} is {points(score.estimate)} % (95 % interval {points(score.low)} to"
            f" {points(score.high)}); the lower end must be at least {points(bound)} %."
        ),
    )
