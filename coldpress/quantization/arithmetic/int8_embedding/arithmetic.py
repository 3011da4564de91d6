"""Embedding tables of integers."""

from __future__ import annotations

from torch import nn

from coldpress.quantization.arithmetic.arithmetic import (
    Arithmetic,
    EmbeddingLowering,
    Precision,
    Storage,
    Tensors,
)
from coldpress.quantization.arithmetic.int8_embedding.lowering import add_table, scale_rows
from coldpress.quantization.arithmetic.int8_embedding.module import QuantizedEmbedding
from coldpress.quantization.arithmetic.packed_weights import (
    WEIGHT_TYPES,
    pack_weight,
    stored_bits,
    unpack_weight,
)


def _precision(module: QuantizedEmbedding) -> Precision:
    return Precision(module.bits, None, "int8 rows, scaled to float32")


def _build(source: nn.Embedding, tensors: Tensors) -> QuantizedEmbedding:
    return QuantizedEmbedding(*source.weight.shape, bits=stored_bits(tensors))


INT8_EMBEDDING = Arithmetic(
    module=QuantizedEmbedding,
    precision=_precision,
    storage=Storage(
        replaces=nn.Embedding,
        weight_types=WEIGHT_TYPES,
        required=frozenset({"weight", "scale"}),
        build=_build,
        pack=pack_weight,
        unpack=unpack_weight,
    ),
    lowering=EmbeddingLowering(add_table, scale_rows),
)
