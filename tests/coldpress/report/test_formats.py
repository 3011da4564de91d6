from __future__ import annotations

import pytest

from coldpress.report import formats


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.0123, "+1.2"),
        (-0.004, "\u22120.4"),
        (0.0, "0.0"),
        (-0.0004, "0.0"),
        (-1.0, "\u2212100.0"),
    ],
)
def test_points_have_a_sign_unless_they_round_to_zero(fraction: float, text: str) -> None:
    assert formats.signed_points(fraction) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(900, "900 bytes"), (4_210, "4.21 kB"), (4_200_000, "4.2 MB"), (1_340_000_000, "1.34 GB")],
)
def test_bytes_are_in_the_unit_with_the_fewest_digits(count: int, text: str) -> None:
    assert formats.size(count) == text


def test_a_ratio_below_one_is_inverted() -> None:
    assert formats.times(5.42, "smaller", "larger") == "5.4x smaller"
    assert formats.times(0.5, "smaller", "larger") == "2.0x larger"


def test_a_small_p_is_not_zero() -> None:
    assert formats.p_value(0.00004) == "p < 0.001"
    assert formats.p_value(0.0312) == "p = 0.031"


def test_seconds_become_minutes() -> None:
    assert (formats.duration(9.51), formats.duration(210.0)) == ("9.5 s", "3.5 min")


def test_counts_are_shortened() -> None:
    assert [formats.short_count(n) for n in (950, 22_700_000, 525_000)] == [
        "950",
        "22.7 M",
        "525 k",
    ]


def test_whole_counts_are_written_in_full() -> None:
    assert [formats.metric(n) for n in (4_200_000.0, 0.96154, 3.0)] == ["4,200,000", "0.9615", "3"]
