"""Classes and slices: a drop counts only if it is large and significant."""

from __future__ import annotations

from coldpress.gate.groups import check_groups
from tests.support.evaluations import group

BOUND = 0.1


def test_a_large_insignificant_drop_passes_and_is_reported() -> None:
    check = check_groups(
        (group("label ABBR", 9, 2 / 9, 0.4, None), group("label LOC", 81, 0.0, 1)),
        BOUND,
        "accuracy",
    )
    assert (check.passed, check.value) == (True, 2 / 9)
    assert check.sentence == (
        "label ABBR lost 22.22 points (n = 9, adjusted p = 0.4), more than the allowed 10, but not "
        "significant among so many groups; with so few rows no drop is detectable."
    )


def test_a_small_significant_drop_passes() -> None:
    check = check_groups((group("label LOC", 100, 0.1, 0.0001),), BOUND, "accuracy")
    assert (check.passed, check.value) == (True, 0.1)
    assert "within the allowed 10" in check.sentence


def test_p_must_be_below_0_05() -> None:
    assert check_groups((group("label LOC", 40, 0.5, 0.05),), BOUND, "accuracy").passed
    assert not check_groups((group("label LOC", 40, 0.5, 0.0499),), BOUND, "accuracy").passed


def test_the_worst_significant_drop_is_reported_with_the_detectable_drop() -> None:
    slices = (
        group("label ABBR", 9, 6 / 9, 0.2),
        group("9 to 16 words", 200, 0.15, 0.001),
        group("label LOC", 40, 0.5, 0.0003, 0.275),
    )
    check = check_groups(slices, BOUND, "accuracy")
    assert (check.passed, check.value) == (False, 0.5)
    assert check.sentence == (
        "label LOC lost 50 points (n = 40, adjusted p = 0.0003), significantly more than the "
        "allowed 10, the worst of 2 such groups; its smallest detectable drop is 27.5 points."
    )


def test_without_a_drop_no_class_is_named() -> None:
    check = check_groups(
        (group("label LOC", 40, -0.1, 1), group("label NUM", 40, 0.0, 1)), 0.0, "accuracy"
    )
    assert (check.passed, check.value) == (True, 0.0)
    assert check.sentence == "No class or slice lost accuracy."
