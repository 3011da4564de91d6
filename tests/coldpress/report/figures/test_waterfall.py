"""Table and figure of three models."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldpress.evaluation.scorecard.scorecard import (
    Evaluation,
    Interval,
    Percentiles,
    Runtime,
    Scorecard,
)
from coldpress.report.figures.waterfall import draw_waterfall
from coldpress.report.waterfall_table import waterfall_table


def _card(accuracy: float, size: int, p50: float | None, runtime: Runtime) -> Scorecard:
    return Scorecard(
        accuracy=accuracy,
        macro_f1=0.9,
        parameters=1000,
        bytes=size,
        macs_per_token=500,
        latency_ms=None if p50 is None else Percentiles(p50=p50, p95=2 * p50, p99=3 * p50),
        end_to_end_ms=None if p50 is None else p50 + 0.5,
        batch=None if p50 is None else 1,
        threads=None if p50 is None else 2,
        runtime=runtime,
        per_class={},
        calibration_error=0.0,
        retention=accuracy / 0.8,
        agreement=1.0,
        difference=Interval(estimate=accuracy - 0.8, low=-0.1, high=0.1),
        speedup=None if p50 is None else 12 / p50,
        speedup_same_runtime=None,
        compression=90e6 / size,
        truncated=0,
    )


@pytest.fixture
def evaluation() -> Evaluation:
    models = {
        "teacher": _card(0.8, 90_000_000, 12.0, "torch"),
        "quantized": _card(0.75, 100_000_000, None, "simulated"),
        "onnx": _card(0.75, 15_000_000, 0.5, "onnxruntime"),
    }
    return Evaluation(n=20, overlap=0, models=models, comparisons=())


def test_rows_follow_the_stages_and_keep_the_numbers(evaluation: Evaluation) -> None:
    rows = waterfall_table(evaluation)
    assert [row["model"] for row in rows] == ["teacher", "quantized", "onnx"]
    assert rows[1]["p50_ms"] is None
    assert rows[1]["speedup"] is None
    assert len({tuple(row) for row in rows}) == 1
    assert (rows[2]["p50_ms"], rows[2]["p95_ms"], rows[2]["speedup"]) == (0.5, 1.0, 24.0)
    # Wilson's interval of 16 in 20.
    assert rows[0]["accuracy_low"] == pytest.approx(0.5840, abs=5e-5)
    assert rows[0]["accuracy_high"] == pytest.approx(0.9193, abs=5e-5)


def test_the_figure_shows_accuracy_size_and_latency(evaluation: Evaluation, tmp_path: Path) -> None:
    draw_waterfall(evaluation, tmp_path / "waterfall.png")
    svg = (tmp_path / "waterfall.svg").read_text()
    for text in (
        "teacher",
        "onnx",
        "percent, 95 % interval, 20 test texts",
        "58.4 to 91.9",
        "6.0x smaller",
        "1.1x larger",
        "24.0x faster",
        "simulated, not timed",
        "milliseconds, median, batch 1, 2 threads",
    ):
        assert f"<!-- {text} -->" in svg


def test_the_same_evaluation_is_drawn_in_the_same_bytes(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    draw_waterfall(evaluation, tmp_path / "one.png")
    draw_waterfall(evaluation, tmp_path / "two.png")
    for suffix in (".png", ".svg"):
        first, second = (tmp_path / f"{name}{suffix}" for name in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")


def test_a_waterfall_without_latencies_is_drawn(tmp_path: Path) -> None:
    models = {"teacher": _card(1.0, 1_000_000, None, "simulated")}
    evaluation = Evaluation(n=20, overlap=0, models=models, comparisons=())
    draw_waterfall(evaluation, tmp_path / "waterfall")
    assert "<!-- milliseconds -->" in (tmp_path / "waterfall.svg").read_text()
