"""Linear modules whose weights have a scale for each block."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from coldpress.quantization.arithmetic.arithmetic import (
    Arithmetic,
    LinearLowering,
    Precision,
    Storage,
    Tensors,
)
from coldpress.quantization.arithmetic.block_linear.lowering import (
    OPERATOR,
    SCALE,
    WEIGHT,
    add_product,
)
from coldpress.quantization.arithmetic.block_linear.module import ATTRIBUTES, INT8, BlockLinear
from coldpress.quantization.arithmetic.block_linear.storage import pack_blocks, unpack_blocks


def _precision(module: BlockLinear) -> Precision:
    bits = int(module.bits)
    size = int(module.block_size)
    if int(module.accuracy_level) == INT8:
        return Precision(bits, 8, f"int8, ranges of {size} values of a token")
    return Precision(bits, 32, f"float32, weights scaled back in blocks of {size}")


def _build(source: nn.Linear, tensors: Tensors) -> BlockLinear:
    return BlockLinear(*source.weight.shape, blocks=tensors["scale"].shape[1])


def _pack(module: BlockLinear) -> Tensor:
    return torch.from_numpy(pack_blocks(module))


def _unpack(tensors: Tensors, shape: Sequence[int]) -> Tensor:
    return unpack_blocks(tensors["weight"].numpy(), int(tensors["bits"]), shape[1])


BLOCK_LINEAR = Arithmetic(
    module=BlockLinear,
    precision=_precision,
    storage=Storage(
        replaces=nn.Linear,
        weight_types=frozenset({torch.uint8}),
        required=frozenset({"weight", "scale", "bias", *ATTRIBUTES}),
        build=_build,
        pack=_pack,
        unpack=_unpack,
    ),
    lowering=LinearLowering(add_product, operators=frozenset({OPERATOR})),
    constants={"weight": WEIGHT, "scale": SCALE},
)
