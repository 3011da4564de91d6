"""Latency of a layer in ONNX Runtime by its heads and neurons (Kwon et al. 2022)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from coldpress.data.encoding import Batch, EncodedSplit
from coldpress.evaluation.performance.latency import Call, time_interleaved
from coldpress.evaluation.performance.trace import Timings
from coldpress.model.classifier import Classifier
from coldpress.model.surgery import keep_heads, keep_neurons
from coldpress.model.token_surgery import keep_tokens, required_tokens
from coldpress.onnx.graph.encoder import build_encoder_graph
from coldpress.onnx.predictor import open_session
from coldpress.pruning.fisher.latency_search import Knots, LatencyTable

_OPSET = 17
_STEPS = 8
_SECONDS = 8.0
_MIN_CALLS = 5
_MAX_CALLS = 60

Seconds = NDArray[np.float64]


def measure_layer_latency(classifier: Classifier, rows: EncodedSplit) -> LatencyTable:
    """Time models of this shape with 1, 2, ... heads and with nine numbers of neurons per layer.

    Models run interleaved in float32 on one thread, with one text of median length. Medians are
    smoothed so that more units never take less time.

    Args:
        classifier: Determines the widths and the number of layers; not modified.
        rows: The text has their median length.

    Returns:
        The average latency of the layers; the last layer may compute less than the others.
    """
    small, text = _reduce_vocabulary(classifier, _median_length_text(rows))
    heads = [shape.heads for shape in small.shapes]
    neurons = [shape.neurons for shape in small.shapes]
    head_counts = range(1, max(heads) + 1)
    neuron_counts = _grid(max(neurons))
    sizes = [(count, 1) for count in head_counts] + [(1, count) for count in neuron_counts[1:]]
    timings = _time_models({str(size): _onnx_call(small, size, text) for size in sizes})
    times = np.array([np.median(seconds) for seconds in timings.seconds.values()]) * 1e3
    return LatencyTable(
        tokens=text.input_ids.shape[1],
        smallest=float(times[0]),
        heads=knots(head_counts, times[: len(head_counts)], heads),
        neurons=knots(neuron_counts, np.append(times[0], times[len(head_counts) :]), neurons),
        cpu_share=_cpu_share(timings),
    )


def knots(numbers: Sequence[int], times: Seconds, layers: Sequence[int]) -> Knots:
    """Convert models' latencies to a layer's table.

    Args:
        numbers: Units kept in each layer of a model, ascending from 1; a layer with fewer units
            keeps all of them.
        times: Milliseconds of each model.
        layers: Number of units in each layer.

    Returns:
        Pairs of units and a layer's added milliseconds over one unit, never decreasing.
    """
    smooth = isotonic_regression(times).x
    units = [sum(min(number, layer) for layer in layers) for number in numbers]
    added = np.diff(smooth) / np.diff(units) * np.diff(numbers)
    return tuple(zip(numbers, [0.0, *np.cumsum(added).tolist()], strict=True))


def _grid(most: int) -> list[int]:
    numbers: list[int] = np.unique(np.linspace(1, most, _STEPS + 1).round().astype(int)).tolist()
    return numbers


def _median_length_text(rows: EncodedSplit) -> Batch:
    order = np.argsort([len(row) for row in rows.input_ids], kind="stable")
    return rows.batch([int(order[len(order) // 2])])


def _reduce_vocabulary(classifier: Classifier, text: Batch) -> tuple[Classifier, Batch]:
    """Remove unused tokens, since two dozen token embeddings may not fit into memory."""
    kept_ids = sorted(required_tokens(classifier) | set(text.input_ids.flatten().tolist()))
    ids = np.searchsorted(kept_ids, text.input_ids)
    small = keep_tokens(classifier, kept_ids, classifier.tokenizer)
    return small, Batch(ids, text.attention_mask, text.token_type_ids, text.rows)


def _onnx_call(classifier: Classifier, size: tuple[int, int], text: Batch) -> Call:
    heads = [range(min(size[0], shape.heads)) for shape in classifier.shapes]
    neurons = [range(min(size[1], shape.neurons)) for shape in classifier.shapes]
    graph = build_encoder_graph(keep_heads(keep_neurons(classifier, neurons), heads))
    model = graph.model(classifier.output_size, _OPSET, {})
    session = open_session(model.SerializeToString(), 1)
    feeds = {name: getattr(text, name) for name in graph.inputs}
    return lambda _: session.run(None, feeds)


def _time_models(models: Mapping[str, Call]) -> Timings:
    """Time the models with as many calls as fit into `_SECONDS`."""
    for call in models.values():
        call(0)
    start = time.perf_counter()
    for call in models.values():
        call(0)
    calls = _SECONDS / (time.perf_counter() - start)
    return time_interleaved(models, int(np.clip(calls, _MIN_CALLS, _MAX_CALLS)))


def _cpu_share(timings: Timings) -> float:
    own = sum(seconds.sum() for seconds in timings.seconds.values())
    return float(own / sum(trace.wall.sum() for trace in timings.traces.values()))
