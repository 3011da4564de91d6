"""Integer modules on small numbers that can be checked by hand."""

from __future__ import annotations

import torch

from coldpress.quantization.arithmetic.int8_linear.module import QuantizedLinear


def build_linear(*, calibrated: bool) -> QuantizedLinear:
    """Build a module with weights 2 * [3, -1] and 0.5 * [0, 4] and biases 10 and 0."""
    module = QuantizedLinear(2, 2, calibrated=calibrated)
    module.weight.data = torch.tensor([[3, -1], [0, 4]], dtype=torch.int8)
    module.scale.copy_(torch.tensor([[2.0], [0.5]]))
    module.bias.data = torch.tensor([10.0, 0.0])
    return module


def test_a_linear_module_rounds_its_input_to_the_range_of_the_whole_batch() -> None:
    activation = torch.tensor([[[255.0, 0.0]], [[1.4, 2.6]]])
    output = build_linear(calibrated=False)(activation)
    # The step is 1: the second row counts as [1, 3], so 2 * (3 - 3) + 10 and 0.5 * 12.
    assert output.tolist() == [[[1540.0, 0.0]], [[10.0, 6.0]]]


def test_a_row_with_larger_values_changes_the_output_of_the_other_row() -> None:
    linear = build_linear(calibrated=False)
    alone = torch.tensor([[2.55, 1.0]])
    beside = torch.tensor([[2.55, 1.0], [255.0, 0.0]])
    assert torch.allclose(linear(alone)[0], torch.tensor([23.3, 2.0]), atol=1e-5)
    assert linear(beside)[0].tolist() == [26.0, 2.0]


def test_a_calibrated_range_is_fixed_and_clips_values_outside() -> None:
    linear = build_linear(calibrated=True)
    assert linear.activation_scale is not None
    assert linear.activation_zero_point is not None
    linear.activation_scale.fill_(0.5)
    linear.activation_zero_point.fill_(128)
    output = linear(torch.tensor([[1.1, 0.0], [1000.0, 0.0]]))
    assert output.tolist() == [[16.0, 0.0], [391.0, 0.0]]


def test_the_range_is_measured_on_the_first_token_where_the_graph_computes_only_that() -> None:
    linear = build_linear(calibrated=False)
    activation = torch.tensor([[[2.55, 1.0], [255.0, 0.0]]])
    assert linear(activation)[0, 0].tolist() == [26.0, 2.0]
    linear.first_token = True
    assert torch.allclose(linear(activation)[0, 0], torch.tensor([23.3, 2.0]), atol=1e-5)
