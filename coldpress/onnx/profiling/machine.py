"""Limits of one core of this machine: int8 products, and reading of memory."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from coldpress.evaluation.scorecard.base import FrozenRecord
from coldpress.onnx.predictor import open_session

_CALLS = 20
_SIZE = 512
"""Rows and columns of the product: its 2 MB stay in a cache, and each byte is used 512 times."""
_BUFFER_BYTES = 2**28
"""Larger than the last level of any common cache."""
_OPSET = 17


class MachineLimits(FrozenRecord):
    """What one thread reaches at most.

    Attributes:
        int8_per_second: Multiply-accumulates of a large product of bytes in ONNX Runtime.
        bytes_per_second: Bytes that numpy reads from main memory.
    """

    int8_per_second: float
    bytes_per_second: float


def measure_limits() -> MachineLimits:
    """Measure both limits on one thread, each by the fastest of several calls."""
    return MachineLimits(
        int8_per_second=_SIZE**3 / _fastest(_int8_product()),
        bytes_per_second=_BUFFER_BYTES / _fastest(np.ones(_BUFFER_BYTES, dtype=np.uint8).max),
    )


def _fastest(call: Callable[[], object]) -> float:
    """Return the processor time of the fastest call in seconds, without that of other processes."""
    seconds = []
    for _ in range(_CALLS):
        start = time.thread_time()
        call()
        seconds.append(time.thread_time() - start)
    return min(seconds)


def _int8_product() -> Callable[[], object]:
    """Return a call that multiplies unsigned by signed bytes, as quantized modules do."""
    random = np.random.default_rng(0)
    values = random.integers(0, 256, (_SIZE, _SIZE), dtype=np.uint8)
    weight = random.integers(-127, 128, (_SIZE, _SIZE), dtype=np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["values", "weight"], ["product"])],
        "int8_product",
        [helper.make_tensor_value_info("values", TensorProto.UINT8, (_SIZE, _SIZE))],
        [helper.make_tensor_value_info("product", TensorProto.INT32, (_SIZE, _SIZE))],
        [numpy_helper.from_array(weight, "weight")],
    )
    versions = [helper.make_opsetid("", _OPSET)]
    oldest = helper.find_min_ir_version_for(versions)
    model = helper.make_model(graph, opset_imports=versions, ir_version=oldest)
    session = open_session(model.SerializeToString(), 1)
    return lambda: session.run(None, {"values": values})
