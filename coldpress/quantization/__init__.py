"""Quantization: one method a file. Decided in torch, lowered by export."""

from typing import Annotated

from pydantic import Field

from coldpress.quantization.binary import Binary
from coldpress.quantization.dynamic_int8 import DynamicInt8
from coldpress.quantization.k_bit import KBit
from coldpress.quantization.mixed import Mixed
from coldpress.quantization.qat import Qat
from coldpress.quantization.smooth import Smooth
from coldpress.quantization.static_int8 import StaticInt8
from coldpress.quantization.weight_only import WeightOnly

QuantizationMethod = Annotated[
    DynamicInt8 | StaticInt8 | Smooth | KBit | WeightOnly | Mixed | Qat | Binary,
    Field(discriminator="method"),
]

__all__ = [
    "Binary",
    "DynamicInt8",
    "KBit",
    "Mixed",
    "Qat",
    "QuantizationMethod",
    "Smooth",
    "StaticInt8",
    "WeightOnly",
]
