"""Quantization methods, one per file or folder; export lowers their integers to ONNX."""

from typing import Annotated

from pydantic import Field

from coldpress.quantization.bit.method import Binary
from coldpress.quantization.blockwise import WeightOnly
from coldpress.quantization.int8.dynamic import DynamicInt8
from coldpress.quantization.int8.static import StaticInt8
from coldpress.quantization.kbit import KBit
from coldpress.quantization.mixed.method import MixedPrecision
from coldpress.quantization.qat.method import Qat
from coldpress.quantization.smoothquant.method import SmoothQuant

QuantizationMethod = Annotated[
    DynamicInt8 | StaticInt8 | SmoothQuant | KBit | WeightOnly | MixedPrecision | Qat | Binary,
    Field(discriminator="method"),
]

__all__ = [
    "Binary",
    "DynamicInt8",
    "KBit",
    "MixedPrecision",
    "Qat",
    "QuantizationMethod",
    "SmoothQuant",
    "StaticInt8",
    "WeightOnly",
]
