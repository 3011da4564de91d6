"""Measurements of a predictor in a process of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from coldpress.data.splits import Split
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx import predictor, serving_cost
from coldpress.onnx.isolated_process import isolated_predictor, measure_cold_start
from coldpress.onnx.serving_cost import cost_per_million

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]

SLEEP = """

def _asleep(self, texts, pairs=None, predict=Predictor.predict):
    import time
    time.sleep(0.1)
    return predict(self, texts, pairs)

Predictor.predict = _asleep
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A folder with the only file that a deployment needs."""
    folder = tmp_path / "code"
    folder.mkdir()
    shutil.copyfile(predictor.__file__, folder / "predictor.py")
    return folder


@pytest.fixture
def model(tiny: Classifier, store: Store, exported: Export) -> Path:
    return exported(store(tiny, "tiny"), pairs="false")


def test_a_million_texts_at_a_hundred_a_second_take_a_core_2_78_hours() -> None:
    assert cost_per_million(0.04, 100.0) == pytest.approx(0.04 * 1e4 / 3600)


def test_a_start_has_its_time_and_memory_measured(model: Path, code: Path) -> None:
    seconds, resident = measure_cold_start(model, code, (["cold press"], None))
    assert 0.05 < seconds < 30
    # numpy, onnxruntime and tokenizers, and neither torch nor transformers.
    assert 30e6 < resident < 150e6


def test_the_process_repeats_its_batches_until_the_time_has_passed(model: Path, code: Path) -> None:
    with isolated_predictor(model, code) as process:
        assert process.predict([(["cold"], None), (["press", "olive"], None)])[0] == 3
        count, seconds = process.predict([(["cold", "oil"], None)], 0.05)
        assert seconds > 0
        assert count > 2
        assert count % 2 == 0
        assert process.peak_bytes() > 30e6


def test_time_in_which_the_process_waits_does_not_count(model: Path, code: Path) -> None:
    """A predictor that sleeps before each prediction is like one that waits for a processor."""
    sleeping = (code / "predictor.py").read_text() + SLEEP
    (code / "predictor.py").write_text(sleeping)
    with isolated_predictor(model, code) as process:
        count, seconds = process.predict([(["cold"], None)] * 20)
    assert count == 20
    assert seconds < 20 * 0.1


def test_a_process_that_fails_is_not_waited_for(
    model: Path, code: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (model / "model.onnx").unlink()
    with pytest.raises(RuntimeError, match="ended with 1"):
        measure_cold_start(model, code, (["cold"], None))
    assert "model.onnx" in capfd.readouterr().err


def test_cost_is_computed_from_the_best_throughput(
    model: Path, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_cost, "_SECONDS", 0.05)
    monkeypatch.setattr(serving_cost, "_STARTS", 1)
    serving = serving_cost.measure_serving_cost(model, split, 0.04)
    assert serving.throughput_batch == 256
    assert serving.throughput > 100
    assert serving.price_per_core_hour == 0.04
    assert serving.cost_per_million == cost_per_million(0.04, serving.throughput)
    assert serving.cold_start_ms > 50
    assert serving.joules_per_text is None or serving.joules_per_text > 0


def test_second_texts_are_passed_too(
    tiny: Classifier,
    split: Split,
    store: Store,
    exported: Export,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model of text pairs refuses single texts, so a prediction means that it got both."""
    monkeypatch.setattr(serving_cost, "_SECONDS", 0.0)
    monkeypatch.setattr(serving_cost, "_STARTS", 1)
    paired = exported(store(tiny, "paired"), pairs="true")
    pairs = replace(split, pairs=split.texts)
    assert serving_cost.measure_serving_cost(paired, pairs, 0.0).cost_per_million == 0.0
