"""Serving cost of an exported file, measured in processes that do nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from coldpress.data.sampling import evenly_spaced_rows
from coldpress.data.splits import Split
from coldpress.evaluation.performance import energy
from coldpress.evaluation.scorecard.serving import Serving
from coldpress.onnx import predictor
from coldpress.onnx.isolated_process import (
    IsolatedPredictor,
    TextBatch,
    isolated_predictor,
    measure_cold_start,
)

_MAX_ROWS = 256
_STARTS = 5
_REQUEST_TEXTS = _MAX_ROWS
_SECONDS = 1.0


def measure_serving_cost(model: Path, texts: Split, price_per_core_hour: float) -> Serving:
    """Measure five cold starts, and the throughput of requests with 256 texts.

    Args:
        model: Folder with `model.onnx` and `tokenizer.json`.
        texts: Texts to predict; at most 256 of them, evenly spaced, are used.
        price_per_core_hour: In any currency.

    Returns:
        Medians over the starts, and throughput, price and energy.
    """
    sample = texts.take(evenly_spaced_rows(len(texts), _MAX_ROWS))
    with TemporaryDirectory() as folder:
        shutil.copyfile(predictor.__file__, Path(folder) / "predictor.py")
        starts = [
            measure_cold_start(model, Path(folder), _batches(sample, 1)[0]) for _ in range(_STARTS)
        ]
        with isolated_predictor(model, Path(folder)) as process:
            throughput, joules = _throughput(process, _batches(sample, _REQUEST_TEXTS))
    return Serving(
        throughput=throughput,
        throughput_batch=_REQUEST_TEXTS,
        cold_start_ms=median(seconds for seconds, _ in starts) * 1e3,
        peak_memory_bytes=int(median(size for _, size in starts)),
        price_per_core_hour=price_per_core_hour,
        cost_per_million=cost_per_million(price_per_core_hour, throughput),
        joules_per_text=joules,
    )


def cost_per_million(price_per_core_hour: float, texts_per_second: float) -> float:
    """Return the cost of a million texts on one core that is always busy.

    Args:
        price_per_core_hour: In any currency.
        texts_per_second: Throughput of one core.

    Returns:
        The cost in that currency.
    """
    return price_per_core_hour / (texts_per_second * 3600) * 1e6


def _throughput(
    process: IsolatedPredictor, batches: Sequence[TextBatch]
) -> tuple[float, float | None]:
    """Return texts per second, and joules for each text if they are counted."""
    process.predict(batches)
    before = energy.read_counters()
    count, seconds = process.predict(batches, _SECONDS)
    joules = energy.joules(before, energy.read_counters())
    return count / seconds, None if joules is None else joules / count


def _batches(texts: Split, size: int) -> Sequence[TextBatch]:
    parts = [texts.take(range(at, min(at + size, len(texts)))) for at in range(0, len(texts), size)]
    return [(part.texts, part.pairs) for part in parts]
