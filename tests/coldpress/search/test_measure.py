"""The choice among several measurements of the same models."""

from coldpress.evaluation.scorecard.scorecard import Percentiles
from coldpress.search.measure import choose_quietest


def test_all_timings_are_those_of_the_quietest_measurement() -> None:
    """0.1 + 0.4 < 0.2 + 0.35: the smallest median of one model does not decide."""
    busy = {"a": Percentiles(p50=0.2, p95=0.3, p99=0.4), "b": Percentiles(p50=0.35, p95=0.5, p99=1)}
    calm = {"a": Percentiles(p50=0.1, p95=0.9, p99=1.0), "b": Percentiles(p50=0.4, p95=0.6, p99=1)}
    assert choose_quietest([busy, calm]) == calm
    assert choose_quietest([busy]) == busy
