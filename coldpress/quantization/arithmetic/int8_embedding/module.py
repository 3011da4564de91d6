"""An embedding table of integers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coldpress.quantization.core.packing import BYTE_BITS


class QuantizedEmbedding(nn.Module):
    """An int8 embedding table with one scale per column.

    Attributes:
        weight: int8 of shape (rows, width).
        scale: float32 of shape (width,).
        bits: Bits of an entry; fewer than 8 are packed in files.
    """

    scale: Tensor

    def __init__(self, num_embeddings: int, embedding_dim: int, *, bits: int = BYTE_BITS) -> None:
        super().__init__()
        self.bits = bits
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        integers = torch.zeros(num_embeddings, embedding_dim, dtype=torch.int8)
        self.weight = nn.Parameter(integers, requires_grad=False)
        self.register_buffer("scale", torch.ones(embedding_dim))

    def forward(self, indices: Tensor) -> Tensor:
        """Look up rows and scale them.

        Args:
            indices: int64 of any shape.

        Returns:
            float32 of shape (*indices.shape, width).
        """
        return self.weight[indices].float() * self.scale
