"""Positions in the figures."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldpress.evaluation.scorecard.scorecard import Percentiles
from coldpress.report import scatter
from coldpress.report.equity import MAX_DRAWN, equity_figure
from coldpress.report.findings import Findings
from coldpress.report.reliability import place, reliability_curves
from coldpress.report.scale import Scale
from coldpress.report.waterfall_panels import waterfall_panels
from tests.support import examples


def test_an_even_axis_has_round_numbers() -> None:
    assert Scale(0.918, 0.972).ticks() == [0.92, 0.93, 0.94, 0.95, 0.96, 0.97]
    assert Scale(0.0, 1.0).ticks() == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_a_logarithmic_axis_has_ones_twos_and_fives() -> None:
    axis = Scale(0.25, 8.0, logarithmic=True)
    assert axis.ticks() == [0.5, 1.0, 2.0, 5.0]
    assert axis.place(0.25) == 0.0
    assert axis.place(2**0.5) == pytest.approx(0.5)
    assert axis.place(8.0) == pytest.approx(1.0)


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6), st.booleans())
def test_all_values_have_room_and_at_least_one_tick(values: list[float], log: bool) -> None:
    axis = Scale.around(values, log)
    assert all(0 < axis.place(value) < 1 for value in values)
    assert 1 <= len(axis.ticks()) <= 12


def test_panels_follow_the_stages_and_mark_the_final_model() -> None:
    accuracy, size, latency = waterfall_panels(examples.findings())
    assert [mark.name for mark in size.marks] == list(examples.evaluation().models)
    assert [mark.strong for mark in size.marks] == [False] * 4 + [True]
    assert size.marks[0].at == 1.0
    assert size.marks[4].at == pytest.approx(4.2 / 90.6)
    assert (size.marks[4].value, size.marks[4].remark) == ("4.2", "21.6x smaller")
    assert accuracy.reference == accuracy.marks[0].at
    assert (latency.marks[3].at, latency.marks[3].remark) == (None, "simulated, not timed")


def test_a_dot_stands_by_its_cost_and_accuracy() -> None:
    latency, size = scatter.trade_offs(examples.findings())
    assert [dot.name for dot in latency.dots] == ["teacher", "student", "pruned", "onnx"]
    assert [dot.name for dot in size.dots] == list(examples.evaluation().models)
    across = [dot.x for dot in latency.dots]
    assert across == sorted(across, reverse=True)
    assert all(dot.high < dot.y < dot.low for dot in size.dots)


def _twins() -> Findings:
    """All models equally accurate, two of them of one size and speed."""
    figure = examples.findings()
    final = examples.card(0.948, 4_200_000, 0.31, "onnxruntime")
    sizes = {"teacher": 6.8, "student": 2.2, "pruned": 2.2, "quantized": 1.9, "onnx": 0.31}
    models = {
        name: final.model_copy(
            update={"bytes": int(1e7 * p50), "latency_ms": Percentiles(p50=p50, p95=p50, p99=p50)}
        )
        for name, p50 in sizes.items()
    }
    evaluation = figure.evaluation.model_copy(update={"models": models})
    return replace(figure, evaluation=evaluation)


@pytest.mark.parametrize("findings", [examples.findings(), _twins()], ids=["apart", "twins"])
def test_names_of_dots_do_not_cover_each_other(findings: Findings) -> None:
    for plot in scatter.trade_offs(findings):
        for first_dot, second_dot in itertools.combinations(plot.dots, 2):
            apart = abs(first_dot.label_y - second_dot.label_y) >= 12
            first, second = sorted((first_dot, second_dot), key=lambda dot: dot.label_x)
            assert apart or first.label_x + 6 * len(first.name) <= second.label_x


def test_groups_stand_in_the_order_of_their_loss() -> None:
    figure = equity_figure(examples.evaluation().equity)
    assert figure is not None
    assert [group.name for group in figure.groups] == [
        f"label {examples.HOSTILE}",
        "source = web forum",
        "label LOC",
        "label HUM",
        "9 to 16 words",
    ]
    assert [mark.strong for mark in figure.marks] == [True, False, False, False, False]
    assert figure.marks[3].at == pytest.approx(figure.zero)
    assert figure.sentence == (
        f"Of 5 groups, a significant loss is found in label {examples.HOSTILE}."
    )


def test_only_the_worst_of_many_groups_are_drawn() -> None:
    many = tuple(examples.group("class", f"label {n}", 40, n / 1000, 1.0) for n in range(77))
    figure = equity_figure(many)
    assert figure is not None
    assert (len(figure.groups), len(figure.marks)) == (77, MAX_DRAWN)
    assert figure.marks[0].name == "76"
    assert figure.sentence.endswith("none has a significant loss after Holm's correction.")


def test_reliability_is_drawn_for_teacher_and_final_model() -> None:
    teacher, final = reliability_curves(examples.findings())
    assert (teacher.name, final.name, final.temperature) == ("teacher", "onnx", 1.37)
    sure = final.bins[-1]
    assert (sure.x, sure.y) == (place(0.97), place(0.98, upward=True))
    # A dot's area is its share of the rows: 60 of 426 there, 7 units the largest.
    assert final.bins[1].radius == pytest.approx(7 * (60 / 426) ** 0.5, abs=0.06)


def test_reliability_of_the_teacher_alone_is_not_drawn() -> None:
    models = dict(examples.evaluation().models)
    models["onnx"] = models["onnx"].model_copy(update={"reliability": ()})
    figure = examples.evaluation().model_copy(update={"models": models})
    assert reliability_curves(replace(examples.findings(), evaluation=figure)) == ()
