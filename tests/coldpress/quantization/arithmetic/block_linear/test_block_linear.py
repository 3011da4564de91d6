"""Blockwise quantization by hand, and compared with MatMulNBits."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.model.classifier import Classifier
from coldpress.quantization import WeightOnly
from coldpress.quantization.arithmetic.block_linear.convert import (
    choose_block_size,
    quantize_blockwise,
)
from coldpress.quantization.arithmetic.block_linear.module import (
    FLOAT32,
    INT8,
    BlockLinear,
    fake_quantize_blocks,
)
from coldpress.quantization.arithmetic.block_linear.storage import pack_blocks, unpack_blocks
from tests.support.training_contexts import label_context


def linear(rows: int, columns: int) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(rows, columns)


def ort_output(module: BlockLinear, activation: torch.Tensor) -> NDArray[np.float32]:
    """Return the output of ONNX Runtime's operator for the module's integers."""
    weights = {"b": pack_blocks(module), "s": module.scale.numpy(), "c": module.bias.numpy()}
    attributes: dict[str, Any] = {
        name: int(module.get_buffer(name)) for name in ("bits", "block_size", "accuracy_level")
    }
    node = helper.make_node(
        "MatMulNBits",
        ["x", "b", "s", "", "", "c"],
        ["y"],
        domain="com.microsoft",
        K=module.in_features,
        N=module.out_features,
        **attributes,
    )
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("x", "y")]
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph([node], "g", values[:1], values[1:], constants)
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    output: NDArray[np.float32] = session.run(None, {"x": activation.numpy()})[0]
    return output


@pytest.mark.parametrize(
    ("columns", "bits", "largest", "expected"),
    [
        (384, 4, 64, 64),
        # 2 blocks of 128 + 4 bytes are 264, 3 of 64 + 4 are 204, 6 of 32 + 4 are 216.
        (384, 4, 256, 128),
        # One block of 64 would be half empty: 36 bytes; one of 32 takes 20, two of 16 take 24.
        (32, 4, 64, 32),
        (312, 8, 256, 64),
        (5, 8, 256, 16),
        # One block of 64 takes 36 bytes, and so do three of 16, with more scales.
        (48, 4, 256, 16),
    ],
)
def test_the_block_size_is_the_largest_unless_padding_costs_more_bytes(
    columns: int, bits: int, largest: int, expected: int
) -> None:
    assert choose_block_size(columns, bits, largest) == expected
    module = quantize_blockwise(linear(columns, 2), bits, largest, FLOAT32)
    assert int(module.block_size) == expected
    assert module.scale.shape == (2, -(-columns // expected))


def test_each_block_of_a_row_has_a_scale_of_its_own() -> None:
    source = nn.Linear(32, 1)
    source.weight.data = torch.cat([torch.arange(16.0) - 7, torch.full((16,), 0.25)])[None]
    source.weight.data[0, 15] = 7.0
    module = quantize_blockwise(source, bits=4, block_size=16, accuracy_level=FLOAT32)
    assert module.weight[0].tolist() == [*range(-7, 8), 7, *[module.weight[0, 16].item()] * 16]
    assert torch.allclose(module.scale[0], torch.tensor([1.0, 0.25 / module.weight[0, 16].item()]))


def test_two_nibbles_share_a_byte_the_first_in_its_low_half() -> None:
    module = BlockLinear(1, 18, blocks=2)
    module.bits.fill_(4)
    module.block_size.fill_(16)
    module.weight.data[0, :3] = torch.tensor([-7, 7, 1], dtype=torch.int8)
    module.weight.data[0, 17] = -1
    packed = pack_blocks(module)
    assert packed.dtype == np.uint8
    assert packed[0, 0].tolist() == [0xF1, 0x89, *[0x88] * 6]
    assert packed[0, 1].tolist() == [0x78, *[0x88] * 7]
    assert torch.equal(unpack_blocks(packed, 4, 18), module.weight.data)


@pytest.mark.parametrize("block_size", [16, 32, 64, 128, 256])
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("level", [FLOAT32, INT8])
@pytest.mark.parametrize("width", [24, 96, 384])
def test_the_module_computes_what_the_operator_computes(
    width: int, level: int, bits: int, block_size: int
) -> None:
    module = quantize_blockwise(linear(width, 40), bits, block_size, level)
    assert torch.equal(unpack_blocks(pack_blocks(module), bits, width), module.weight.data)
    for rows in (1, 5):
        activation = torch.randn(rows, width, generator=torch.Generator().manual_seed(rows)) * 3
        ours = module(activation).detach().numpy()
        np.testing.assert_allclose(ours, ort_output(module, activation), atol=2e-5)


@pytest.mark.parametrize("bits", [4, 8])
def test_no_value_of_a_million_is_rounded_the_other_way(bits: int) -> None:
    module = quantize_blockwise(linear(512, 8), bits, 32, INT8)
    activation = torch.randn(4000, 512, generator=torch.Generator().manual_seed(0)) * 3
    ours = module(activation).detach().numpy()
    np.testing.assert_allclose(ours, ort_output(module, activation), atol=1e-4)


def test_an_activation_is_rounded_in_blocks_of_each_token() -> None:
    activation = torch.zeros(2, 20)
    activation[0, 0], activation[0, 1], activation[0, 17] = 127.0, 0.4, 0.4
    activation[1, 1] = 0.4
    rounded = fake_quantize_blocks(activation, 16)
    assert rounded[0, :2].tolist() == [127.0, 0.0]
    assert rounded[0, 17].item() == pytest.approx(0.4)
    assert rounded[1, 1].item() == pytest.approx(0.4)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("activations", ["float32", "int8"])
def test_logits_do_not_depend_on_the_batch(
    bits: Literal[8, 4],
    activations: Literal["float32", "int8"],
    tiny: Classifier,
    split: Split,
) -> None:
    rows = encode(tiny.tokenizer, split)
    method = WeightOnly(method="weight-only", bits=bits, block_size=16, activations=activations)
    quantized = method.quantize(tiny, label_context(rows))
    batched = quantized.logits(rows)
    single = quantized.logits(rows, batch_size=1)
    assert torch.allclose(batched, single, atol=1e-5)
    assert not torch.allclose(batched, tiny.logits(rows), atol=1e-4)
    assert sum(isinstance(m, BlockLinear) for m in quantized.module.modules()) == 14


def test_smaller_blocks_lose_less() -> None:
    source = linear(256, 64)
    losses = []
    for block_size in (16, 64, 256):
        module = quantize_blockwise(source, 4, block_size, FLOAT32)
        scales = module.scale.repeat_interleave(block_size, dim=1)
        losses.append(float((source.weight.detach() - module.weight * scales).square().sum()))
    assert losses == sorted(losses)
