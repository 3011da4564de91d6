"""Limits of the timings in reports."""

from __future__ import annotations

from coldpress.evaluation.scorecard.base import Bounds
from coldpress.report import card, formats, html, limits, sentences
from tests.support import examples

BUSY = (
    "The machine was busy while models were timed: other processes used 98% of the remaining "
    "processor time, the timed calls had a processor for 41% of their time, 60% of the calls were "
    "interrupted. The intervals of the speed-ups are wider for that reason, and latencies may be "
    "lower on a quiet machine."
)
UNDETERMINED = "The speed-up could not be determined: its interval would span a factor of 7.2."


def test_a_busy_machine_is_named_among_the_limits() -> None:
    busy = examples.busy(Bounds(low=8.0, high=26.0))
    assert BUSY in limits.limits(busy)
    assert UNDETERMINED not in limits.limits(busy)
    assert list(limits.timing_remarks(examples.evaluation())) == []


def test_an_undetermined_speedup_has_a_remark() -> None:
    assert list(limits.timing_remarks(examples.busy(None).evaluation)) == [UNDETERMINED, BUSY]


def test_a_speedup_is_given_with_its_interval_where_it_has_one() -> None:
    assert (
        formats.speedup(examples.busy(Bounds(low=8.0, high=26.04)).final) == "20.0x (8.0 to 26.0)"
    )
    assert formats.speedup(examples.busy(None).final) == "not determined"
    assert formats.speedup(examples.bare().final) == "21.9x"
    assert formats.ratio_with_interval(1.0, 1.0, 1.0) == "1.0x"


def test_the_headline_has_the_interval_too() -> None:
    busy = examples.busy(Bounds(low=8.0, high=26.0))
    assert "; 0.31 ms per text, 20.0x faster (8.0 to 26.0 times as fast); " in sentences.headline(
        busy
    )
    assert "; 0.31 ms per text, speed-up not determined; " in sentences.headline(
        examples.busy(None)
    )


def test_report_and_card_have_the_remarks() -> None:
    wide, undetermined = examples.busy(Bounds(low=8.0, high=26.0)), examples.busy(None)
    assert "20.0x<small>8.0 to 26.0</small>" in html.render_report(wide)
    assert BUSY in html.render_report(wide)
    assert "speed-up not determined" in html.render_report(undetermined)
    assert "not determined</td>" not in html.render_report(wide)
    assert "| 20.0x (8.0 to 26.0) |" in card.render_card(wide)
    assert BUSY in card.render_card(wide)
    assert "| not determined |" in card.render_card(undetermined)
    assert UNDETERMINED in card.render_card(undetermined)
