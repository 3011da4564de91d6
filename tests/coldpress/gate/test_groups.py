"""Classes and slices: a drop counts where it is too large and no chance."""

from __future__ import annotations

from evaluated import group

from coldpress.gate.groups import check_groups

BOUND = 0.1


def test_a_large_drop_that_chance_explains_passes_and_is_told() -> None:
    found = check_groups(
        (group("label ABBR", 9, 2 / 9, 0.4, None), group("label LOC", 81, 0.0, 1)), BOUND
    )
    assert (found.passed, found.value) == (True, 2 / 9)
    assert found.sentence == (
        "label ABBR lost 22.22 points (n = 9, adjusted p = 0.4), more than the 10 allowed but no "
        "more than chance takes from one of so many groups; no drop could have been shown with so "
        "few rows."
    )


def test_a_drop_that_is_certain_and_small_passes() -> None:
    found = check_groups((group("label LOC", 100, 0.1, 0.0001),), BOUND)
    assert (found.passed, found.value) == (True, 0.1)
    assert "within the 10 allowed" in found.sentence


def test_p_must_be_below_five_in_a_hundred() -> None:
    assert check_groups((group("label LOC", 40, 0.5, 0.05),), BOUND).passed
    assert not check_groups((group("label LOC", 40, 0.5, 0.0499),), BOUND).passed


def test_the_worst_that_is_no_chance_is_named_with_what_its_rows_could_show() -> None:
    slices = (
        group("label ABBR", 9, 6 / 9, 0.2),
        group("9 to 16 words", 200, 0.15, 0.001),
        group("label LOC", 40, 0.5, 0.0003, 0.275),
    )
    found = check_groups(slices, BOUND)
    assert (found.passed, found.value) == (False, 0.5)
    assert found.sentence == (
        "label LOC lost 50 points (n = 40, adjusted p = 0.0003), more than the 10 allowed and more "
        "than chance takes, the worst of 2 groups that did; its rows could have shown a drop of "
        "27.5 points."
    )


def test_a_model_that_lost_nowhere_has_no_worst_class() -> None:
    found = check_groups((group("label LOC", 40, -0.1, 1), group("label NUM", 40, 0.0, 1)), 0.0)
    assert (found.passed, found.value) == (True, 0.0)
    assert found.sentence == "No class or slice lost accuracy."
