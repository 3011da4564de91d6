"""Figure of the loss by class and slice."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldpress.evaluation.scorecard.scorecard import Evaluation, Group, Interval
from coldpress.report.figures.equity import draw_equity, worst_first


def group(name: str, drop: float, p_adjusted: float = 1.0, detectable: float | None = 0.2) -> Group:
    return Group(
        kind="class",
        name=name,
        n=40,
        before=0.9,
        after=0.9 - drop,
        difference=Interval(estimate=-drop, low=-drop - 0.1, high=-drop + 0.1),
        p=p_adjusted,
        p_adjusted=p_adjusted,
        detectable_drop=detectable,
    )


def draw(path: Path, *groups: Group) -> str:
    evaluation = Evaluation(n=400, overlap=0, models={}, comparisons=(), equity=groups)
    draw_equity(evaluation, path / "equity.png")
    assert (path / "equity.png").read_bytes().startswith(b"\x89PNG")
    return (path / "equity.svg").read_text()


def test_significant_losses_come_first() -> None:
    groups = [group("kept", 0.0), group("noise", 0.3), group("small", 0.1, 0.01), group("w", -0.1)]
    assert [g.name for g in worst_first(groups)] == ["small", "noise", "kept", "w"]


def test_the_figure_shows_losses(tmp_path: Path) -> None:
    svg = draw(tmp_path, group("label cold", 0.125, 0.02), group("label $\\frac$ -- <b>", 0.05))
    for text in ("cold", "1 of 2 have a significant loss (Holm, 5 %)", "\u221212.5", "20.0"):
        assert f"<!-- {text} -->" in svg
    # A label is data: no formula, no markup.
    assert "$\\frac$" in svg
    assert "<b>" not in svg.replace("<!-- $\\frac$ - - <b> -->", "")


@pytest.mark.parametrize(("count", "omitted"), [(20, False), (23, True)])
def test_omitted_groups_are_counted(tmp_path: Path, count: int, omitted: bool) -> None:
    svg = draw(tmp_path, *(group(f"label {n:02}", 0.01 * n) for n in range(count)))
    assert ("<!-- and 3 more groups with smaller losses -->" in svg) is omitted
    assert "<!-- 22 -->" in svg if omitted else "<!-- 00 -->" in svg
    assert svg.count("<!-- class -->") == 20


def test_a_long_name_is_cut_and_an_empty_table_is_drawn(tmp_path: Path) -> None:
    svg = draw(tmp_path, group("label " + "very " * 20, 0.0, detectable=None))
    assert "<!-- very very very very very very ver\u2026 -->" in svg
    assert "0 of 0 have a significant loss" in draw(tmp_path)


def test_the_same_groups_are_drawn_in_the_same_bytes(tmp_path: Path) -> None:
    groups = (group("label cold", 0.125, 0.02), group("label warm", 0.0))
    first = draw(tmp_path, *groups)
    png = (tmp_path / "equity.png").read_bytes()
    assert draw(tmp_path, *groups) == first
    assert (tmp_path / "equity.png").read_bytes() == png
