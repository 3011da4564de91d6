"""Linear modules with integer weights and uint8 activations."""

from __future__ import annotations

from torch import nn

from coldpress.quantization.arithmetic.arithmetic import (
    Arithmetic,
    LinearLowering,
    Precision,
    Storage,
    Tensors,
)
from coldpress.quantization.arithmetic.int8_linear.lowering import (
    INPUT_TENSORS,
    OPERATORS,
    SCALE,
    SHARED,
    WEIGHT,
    add_activation,
    add_attention,
    add_linear,
    add_product,
    unrounded_input,
)
from coldpress.quantization.arithmetic.int8_linear.module import QuantizedLinear
from coldpress.quantization.arithmetic.packed_weights import (
    WEIGHT_TYPES,
    pack_weight,
    stored_bits,
    unpack_weight,
)


def _precision(module: QuantizedLinear) -> Precision:
    dynamic = module.activation_scale is None
    ranges = f"int8, ranges {'of the batch' if dynamic else 'calibrated'}"
    return Precision(module.bits, _activation_bits(module), ranges)


def _activation_bits(module: QuantizedLinear) -> int:
    """Return 8, or fewer for a binary model, whose activations are clipped but stored in bytes."""
    largest = module.activation_largest
    return 8 if largest is None else int(largest).bit_length()


def _build(source: nn.Linear, tensors: Tensors) -> QuantizedLinear:
    return QuantizedLinear(
        *source.weight.shape,
        calibrated="activation_scale" in tensors,
        smoothed="input_scale" in tensors,
        elastic="activation_shift" in tensors,
        bits=stored_bits(tensors),
    )


INT8_LINEAR = Arithmetic(
    module=QuantizedLinear,
    precision=_precision,
    storage=Storage(
        replaces=nn.Linear,
        weight_types=WEIGHT_TYPES,
        required=frozenset({"weight", "scale", "bias"}),
        optional=frozenset(INPUT_TENSORS),
        build=_build,
        pack=pack_weight,
        unpack=unpack_weight,
    ),
    lowering=LinearLowering(
        add_product,
        add_activation,
        operators=OPERATORS,
        unrounded_input=unrounded_input,
        linear=add_linear,
        attention=add_attention,
    ),
    constants={"weight": WEIGHT, "scale": SCALE, **dict.fromkeys(INPUT_TENSORS, SHARED)},
)
