"""Time and work of a graph's operators, from ONNX Runtime's profiling."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from coldpress.evaluation.performance.latency import WARM_UP_CALLS
from coldpress.evaluation.scorecard.base import Fraction, FrozenRecord

Feeds = Mapping[str, NDArray[Any]]
NodeEvent = Mapping[str, Any]
"""One run of one node, as ONNX Runtime writes it."""

_PRODUCTS = frozenset(
    {
        "DynamicQuantizeMatMul",
        "FusedGemm",
        "FusedMatMul",
        "Gemm",
        "MatMul",
        "MatMulInteger",
        "MatMulIntegerToFloat",
        "MatMulNBits",
        "QGemm",
        "QLinearMatMul",
    }
)
_PROJECTING_ATTENTION = frozenset({"Attention", "QAttention"})
"""Attention that also multiplies its input by the weights of queries, keys and values."""


class OperatorTime(FrozenRecord):
    """All nodes of one operator.

    Attributes:
        operator: Its name.
        count: Number of nodes that run.
        microseconds: Their time for one text, node by node the average of the fastest quarter of
            the calls.
        share: Of the time of all nodes.
    """

    operator: str
    count: int
    microseconds: float
    share: Fraction


def profile_nodes(model: Path, texts: Sequence[Feeds], calls: int) -> list[list[list[NodeEvent]]]:
    """Run a graph with ONNX Runtime's profiling.

    Args:
        model: The ONNX file.
        texts: Inputs of the graph, text by text.
        calls: Calls with each text, after three that are not counted.

    Returns:
        For each text and call the nodes that ran, in order.
    """
    with TemporaryDirectory() as folder:
        session = _profiling_session(model, Path(folder))
        for feeds in texts:
            for _ in range(WARM_UP_CALLS + calls):
                session.run(None, feeds)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return _split_events(events, len(texts), calls)


def _profiling_session(model: Path, folder: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "nodes")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _split_events(
    events: Sequence[NodeEvent], texts: int, calls: int
) -> list[list[list[NodeEvent]]]:
    runs = [event for event in events if event["cat"] == "Node"]
    runs_per_text = WARM_UP_CALLS + calls
    nodes = len(runs) // (texts * runs_per_text)
    by_call = [runs[start : start + nodes] for start in range(0, len(runs), nodes)]
    starts = range(0, len(by_call), runs_per_text)
    return [by_call[start + WARM_UP_CALLS : start + runs_per_text] for start in starts]


def operator_times(calls: Sequence[Sequence[NodeEvent]]) -> tuple[OperatorTime, ...]:
    """Sum the times of the nodes by operator.

    Args:
        calls: The nodes of each call with one text, of `profile_nodes`.

    Returns:
        The operators, the slowest first.
    """
    names = np.array([event["args"]["op_name"] for event in calls[0]])
    times = _undisturbed(np.array([[event["dur"] for event in call] for call in calls]))
    total = float(times.sum()) or 1.0
    operators = [
        OperatorTime(
            operator=name,
            count=count,
            microseconds=float(times[names == name].sum()),
            share=float(times[names == name].sum()) / total,
        )
        for name, count in Counter(names.tolist()).items()
    ]
    return tuple(sorted(operators, key=lambda entry: (-entry.microseconds, entry.operator)))


def _undisturbed(times: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the time of each node without that of other processes, shape (nodes,).

    ONNX Runtime has only wall times: the fastest quarter of the calls is taken node by node. An
    average has digits below the microsecond, which a median lacks.

    Args:
        times: Whole microseconds, shape (calls, nodes).
    """
    fastest = np.sort(times, axis=0)[: -(-len(times) // 4)]
    averages: NDArray[np.float64] = fastest.mean(axis=0)
    return averages


def multiply_accumulates(nodes: Sequence[NodeEvent]) -> int:
    """Count the multiply-accumulates of matrix products and of attention.

    Args:
        nodes: The nodes of one call.
    """
    return sum(_node_work(event["args"]) for event in nodes)


def _node_work(node: Mapping[str, Any]) -> int:
    inputs = [next(iter(value.values())) for value in node["input_type_shape"]]
    outputs = [next(iter(value.values())) for value in node["output_type_shape"]]
    if node["op_name"] in _PRODUCTS:
        # (..., in) times (in, out): every output sums `in` products.
        return int(math.prod(outputs[0]) * inputs[0][-1])
    if node["op_name"] in _PROJECTING_ATTENTION:
        return _projections(inputs[0], outputs[0]) + _attention(inputs[0], outputs[0])
    if node["op_name"] == "MultiHeadAttention":
        # Keys are an input of their own, of shape (batch, tokens, width), unless they are packed.
        keys = inputs[1] if len(inputs) > 1 and len(inputs[1]) == 3 else inputs[0]
        return _attention(keys, outputs[0])
    return 0


def _projections(states: Sequence[int], context: Sequence[int]) -> int:
    """Queries, keys and values of (batch, tokens, in) states, each as wide as the context."""
    return math.prod(states) * 3 * context[-1]


def _attention(keys: Sequence[int], context: Sequence[int]) -> int:
    """Products of queries with keys, and sums of values: (batch, tokens, width) contexts."""
    return 2 * math.prod(context) * keys[1]
