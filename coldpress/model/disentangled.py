"""Disentangled attention (He et al. 2021, "DeBERTa", section 3.1), with positions of each layer.

In transformers all layers share a table of relative positions, which each layer projects by its own
queries and keys. Here, each layer has the projected positions themselves, which is what its scores
need: heads can be removed from them, they do not depend on the width, and a graph contains them as
they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from safetensors import safe_open
from torch import Tensor, nn

from coldpress.model.architecture import POSITION_TABLES
from coldpress.model.disentangled_attention import (
    ATTENTION,
    POSITION_NAMES,
    DisentangledAttention,
)

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier


class DisentangledSelfAttention(nn.Module):
    """Attention of one layer.

    Attributes:
        position_keys: Keys of the relative positions, shape (2 * span, heads * head size).
        position_queries: Queries of the relative positions, of the same shape.
    """

    position_keys: nn.Parameter
    position_queries: nn.Parameter

    def __init__(self, source: Any, positions: Tensor) -> None:  # noqa: ANN401
        """Take the linear modules of transformers' attention.

        Args:
            source: The module of transformers.
            positions: The shared table after its normalization, shape (2 * span, width).
        """
        super().__init__()
        self.query_proj = source.query_proj
        self.key_proj = source.key_proj
        self.value_proj = source.value_proj
        self.dropout = source.dropout
        self.head_size = int(source.attention_head_size)
        self.buckets = int(source.position_buckets)
        self.farthest = int(source.max_relative_positions)
        with torch.no_grad():
            self.position_keys = nn.Parameter(source.key_proj(positions))
            self.position_queries = nn.Parameter(source.query_proj(positions))

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor,
        output_attentions: bool = False,
        query_states: Tensor | None = None,  # noqa: ARG002 - as transformers calls it
        relative_pos: Tensor | None = None,  # noqa: ARG002
        rel_embeddings: Tensor | None = None,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor | None]:
        """Attend to all unpadded tokens.

        Args:
            hidden_states: Shape (batch, tokens, width).
            attention_mask: 0 where a query must not attend to a key, shape (batch, 1, tokens,
                tokens).
            output_attentions: Whether to return the probabilities.
            query_states: Not used; the arguments are those of transformers.
            relative_pos: Not used.
            rel_embeddings: Not used.

        Returns:
            Shape (batch, tokens, heads * head size), and the probabilities.
        """
        projections = (self.query_proj, self.key_proj, self.value_proj)
        queries, keys, values = (self._split(linear(hidden_states)) for linear in projections)
        scores = self.scores(queries, keys)
        # All queries as the first one, which is no padding: (batch, 1, 1, tokens).
        key_mask = attention_mask[..., :1, :].bool()
        scores = scores.masked_fill(~key_mask, torch.finfo(scores.dtype).min)
        probabilities = self.dropout(scores.softmax(dim=-1))
        context = (probabilities @ values).transpose(1, 2).flatten(2)
        return context, probabilities if output_attentions else None

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Compute content to content, content to position and position to content (eq. 4).

        Args:
            queries: Shape (batch, heads, tokens, head size).
            keys: The same shape.

        Returns:
            Shape (batch, heads, tokens, tokens).
        """
        rows = self.position_rows(queries.shape[-2]).to(queries.device)
        rows = rows.expand(*queries.shape[:2], -1, -1)
        to_position = (queries @ self._positions(self.position_keys).mT).gather(-1, rows)
        to_content = (keys @ self._positions(self.position_queries).mT).gather(-1, rows.mT).mT
        scale = math.sqrt(3 * self.head_size)
        return (queries @ keys.mT + to_position + to_content) / scale

    def position_rows(self, tokens: int) -> Tensor:
        """Return the rows of the tables for the distances of queries and keys.

        Args:
            tokens: Number of tokens.

        Returns:
            int64, shape (tokens, tokens): first the query, then the key.
        """
        places = torch.arange(tokens)
        return self.distance_rows(places[:, None] - places)

    def distance_rows(self, distances: Tensor) -> Tensor:
        """Return the rows of the tables for distances, queries minus keys.

        Args:
            distances: int64, of any shape.
        """
        from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

        buckets: Tensor = make_log_bucket_position(distances, self.buckets, self.farthest)
        return (buckets.long() + self.buckets).clamp(0, 2 * self.buckets - 1)

    def _positions(self, table: Tensor) -> Tensor:
        """Divide the positions into heads: (heads, 2 * span, head size)."""
        return table.view(len(table), -1, self.head_size).transpose(0, 1)

    def _split(self, features: Tensor) -> Tensor:
        """Divide features into heads: (batch, heads, tokens, head size)."""
        return features.view(*features.shape[:2], -1, self.head_size).transpose(1, 2)


def prepare_disentangled_attention(classifier: Classifier) -> None:
    """Give each layer its own projected positions; other kinds of attention stay as they are.

    Args:
        classifier: Changed in place, once.
    """
    if not isinstance(classifier.architecture.attention, DisentangledAttention):
        return
    encoder: Any = classifier.encoder.get_submodule("encoder")
    if not encoder.relative_attention:
        return
    with torch.no_grad():
        positions = encoder.get_rel_embedding()
    for layer in classifier.layers:
        attention: Any = layer.get_submodule("attention")
        attention.self = DisentangledSelfAttention(attention.self, positions)
        attention.self.train(classifier.module.training)
    # Padding is masked in attention; zeros in its place would only be one more node of a graph.
    embeddings = classifier.encoder.get_submodule("embeddings")
    embeddings.register_forward_pre_hook(_ignore_mask, with_kwargs=True)
    encoder.relative_attention = False
    del encoder.rel_embeddings
    del encoder.LayerNorm
    encoder.norm_rel_ebd = ["none"]
    setattr(classifier.config, POSITION_TABLES, True)


def _ignore_mask(
    _: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return inputs, {**named, "mask": None}


def load_positions(classifier: Classifier, directory: Path) -> None:
    """Load the positions of each layer from a checkpoint, which transformers cannot read.

    Args:
        classifier: One with disentangled attention; changed in place.
        directory: With `model.safetensors`.
    """
    with safe_open(directory / "model.safetensors", framework="pt") as file, torch.no_grad():
        for layer in range(len(classifier.layers)):
            module = position_module(classifier, layer)
            path = f"{classifier.architecture.layer_path(layer)}.{ATTENTION}"
            for name in POSITION_NAMES:
                getattr(module, name).copy_(file.get_tensor(f"{path}.{name}"))


def is_shared_position(name: str) -> bool:
    """True for the weights in transformers that the layers' own positions take the place of.

    Args:
        name: Of a weight in the classifier.
    """
    return ".encoder.rel_embeddings." in name or ".encoder.LayerNorm." in name


def keep_position_heads(classifier: Classifier, keep: Sequence[Tensor]) -> None:
    """Remove heads from the layers' positions; other kinds of attention have none.

    Args:
        classifier: Changed in place.
        keep: Numbers of the heads that each layer keeps, of those that it has.
    """
    if not isinstance(classifier.architecture.attention, DisentangledAttention):
        return
    for layer, heads in zip(range(len(classifier.layers)), keep, strict=True):
        module = position_module(classifier, layer)
        columns = torch.arange(module.position_keys.shape[1]).view(-1, module.head_size)
        for name in POSITION_NAMES:
            table = getattr(module, name).detach()
            setattr(module, name, nn.Parameter(table[:, columns[heads].flatten()]))


def resize_positions(classifier: Classifier) -> None:
    """Replace the positions by uninitialized ones for the heads that the layers have.

    Args:
        classifier: Changed in place.
    """
    if not isinstance(classifier.architecture.attention, DisentangledAttention):
        return
    for layer in range(len(classifier.layers)):
        module = position_module(classifier, layer)
        for name in POSITION_NAMES:
            rows = len(getattr(module, name))
            setattr(module, name, nn.Parameter(torch.empty(rows, module.query_proj.out_features)))


def position_module(classifier: Classifier, layer: int) -> DisentangledSelfAttention:
    """Return the attention of a layer.

    Args:
        classifier: One with disentangled attention.
        layer: Counted from 0.
    """
    module = classifier.layers[layer].get_submodule(ATTENTION)
    return cast("DisentangledSelfAttention", module)
