"""Quantization: one method a file. Decided in torch, lowered by export."""

from typing import Annotated

from pydantic import Field

from coldpress.quantization.bit.method import Binary
from coldpress.quantization.blockwise import WeightOnly
from coldpress.quantization.int8.dynamic import DynamicInt8
from coldpress.quantization.int8.static import StaticInt8
from coldpress.quantization.kbit import KBit
from coldpress.quantization.mixed.method import Mixed
from coldpress.quantization.qat.method import Qat
from coldpress.quantization.smoothquant.method import Smooth

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
