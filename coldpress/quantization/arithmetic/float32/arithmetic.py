"""Linear modules and embedding tables of torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from coldpress.quantization.arithmetic.arithmetic import (
    Arithmetic,
    EmbeddingLowering,
    LinearLowering,
    Precision,
    Storage,
    Tensors,
)
from coldpress.quantization.arithmetic.float32.lowering import (
    WEIGHT,
    add_attention,
    add_product,
    add_table,
    keep_rows,
)


def _keep_module(source: nn.Module, _: Tensors) -> nn.Module:
    return source


def _weight(module: nn.Module) -> Tensor:
    return cast("Tensor", module.weight).detach()


def _stored_weight(tensors: Tensors, _: Sequence[int]) -> Tensor:
    return tensors["weight"]


FLOAT32_LINEAR = Arithmetic(
    module=nn.Linear,
    precision=lambda _: Precision(32, 32, "float32"),
    storage=Storage(
        replaces=nn.Linear,
        weight_types=frozenset({torch.float32}),
        required=frozenset({"weight"}),
        optional=frozenset({"bias"}),
        build=_keep_module,
        pack=_weight,
        unpack=_stored_weight,
    ),
    lowering=LinearLowering(add_product, attention=add_attention),
    constants={"weight": WEIGHT},
)

FLOAT32_EMBEDDING = Arithmetic(
    module=nn.Embedding,
    precision=lambda _: Precision(32, None, "float32 rows"),
    storage=Storage(
        replaces=nn.Embedding,
        weight_types=frozenset({torch.float32}),
        required=frozenset({"weight"}),
        build=_keep_module,
        pack=_weight,
        unpack=_stored_weight,
    ),
    lowering=EmbeddingLowering(add_table, keep_rows),
)
