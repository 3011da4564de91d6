"""Rounding, by hand and against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import TensorProto, helper

from coldpress.quantization.core.int8 import (
    quantize_rows,
    quantize_table,
    round_activation,
    scale_and_zero_point,
)

# A range below the smallest normal number has no scale; values in it round to zero anyway.
NEAR = st.floats(-1000, 1000, width=32).filter(lambda value: value == 0 or abs(value) > 1e-20)


def test_a_row_is_rounded_by_its_own_largest_weight() -> None:
    weight = torch.tensor([[127.0, -63.5, 0.5, 1.5], [0.254, -0.127, 0.0, 0.002]])
    integers, scale = quantize_rows(weight, bits=8)
    assert integers.tolist() == [[127, -64, 0, 2], [127, -64, 0, 1]]
    assert scale.tolist() == [[1.0], [pytest.approx(0.002)]]


def test_seven_bits_end_at_63_so_that_no_pair_of_products_saturates() -> None:
    integers, scale = quantize_rows(torch.tensor([[63.0, -31.5, 0.5], [-6.3, 0.1, 0.0]]), bits=7)
    assert integers.tolist() == [[63, -32, 0], [-63, 1, 0]]
    assert scale.flatten().tolist() == [1.0, pytest.approx(0.1)]
    assert 2 * 255 * 63 <= 2**15 - 1 < 2 * 255 * 127


def test_a_row_of_zeros_stays_zero() -> None:
    integers, scale = quantize_rows(torch.zeros(1, 3), bits=8)
    assert integers.tolist() == [[0, 0, 0]]
    assert scale.tolist() == [[1.0]]


def test_a_column_of_a_table_is_rounded_by_its_own_largest_value() -> None:
    integers, scale = quantize_table(torch.tensor([[127.0, 2.54, 0.0], [-3.5, 0.01, 0.0]]))
    assert integers.tolist() == [[127, 127, 0], [-4, 0, 0]]
    assert integers.dtype == torch.int8
    assert scale.tolist() == [1.0, pytest.approx(0.02), 1.0]


def test_an_activation_is_rounded_over_its_range_ties_to_even() -> None:
    activation = torch.tensor([-3.0, 252.0, 0.5, 1.5, 2.5])
    scale, zero_point = scale_and_zero_point(activation.amin(), activation.amax())
    assert (scale.item(), zero_point.item()) == (1.0, 3)
    assert round_activation(activation, scale, zero_point).tolist() == [-3, 252, 0, 2, 2]


@pytest.mark.parametrize(("low", "high", "step", "zero"), [(5, 255, 1, 0), (-255, -5, 1, 255)])
def test_a_range_is_widened_to_hold_zero(low: float, high: float, step: float, zero: int) -> None:
    scale, zero_point = scale_and_zero_point(torch.tensor(float(low)), torch.tensor(float(high)))
    assert (scale.item(), zero_point.item()) == (step, zero)


def test_values_outside_a_range_are_clipped() -> None:
    scale, zero_point = scale_and_zero_point(torch.tensor(-10.0), torch.tensor(245.0))
    assert round_activation(torch.tensor([-99.0, 999.0]), scale, zero_point).tolist() == [-10, 245]


@settings(deadline=None)
@given(arrays(np.float32, st.integers(1, 40), elements=NEAR))
def test_rounding_is_what_onnx_runtime_does(
    values: np.ndarray[tuple[int], np.dtype[np.float32]],
) -> None:
    activation = torch.from_numpy(values)
    scale, zero_point = scale_and_zero_point(activation.amin(), activation.amax())
    rounded = round_activation(activation, scale, zero_point) + zero_point
    expected, expected_scale, expected_zero = SESSION.run(None, {"x": values})
    assert (scale.numpy(), zero_point.numpy()) == (expected_scale, expected_zero)
    assert rounded.tolist() == expected.tolist()


def _session() -> onnxruntime.InferenceSession:
    node = helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"])
    kinds = {"q": TensorProto.UINT8, "scale": TensorProto.FLOAT, "zero": TensorProto.UINT8}
    outputs = [helper.make_tensor_value_info(n, k, None) for n, k in kinds.items()]
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])], outputs
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnxruntime.InferenceSession(model.SerializeToString())


SESSION = _session()
