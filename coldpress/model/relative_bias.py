"""Relative positions as a bias of attention scores (Raffel et al. 2020, section 2.1).

All layers share a table with a number for each bucket of distances and each head. A layer that has
lost heads keeps the list of those that it has, so that the table stays that of the family.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from coldpress.model.architecture import BIAS_HEADS, KEPT_HEADS
from coldpress.model.attention import RelativeBiasAttention

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier

_COLUMNS = "kept_heads"
"""Name of the buffer with the columns of the table for the heads of a layer."""


class BiasTable(nn.Module):
    """The table of biases, which is not quantized with the embedding tables."""

    def __init__(self, weight: Tensor) -> None:
        """Take the numbers of a table.

        Args:
            weight: Shape (buckets, heads).
        """
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, buckets: Tensor) -> Tensor:
        """Look up the biases of pairs of tokens.

        Args:
            buckets: Shape (tokens, tokens), int64.

        Returns:
            Shape (tokens, tokens, heads).
        """
        return self.weight[buckets]


def prepare_relative_bias(classifier: Classifier) -> None:
    """Make the heads of each layer removable; other kinds of attention stay as they are.

    Args:
        classifier: Changed in place, once.
    """
    attention = classifier.architecture.attention
    if not isinstance(attention, RelativeBiasAttention):
        return
    table = classifier.encoder.get_submodule(attention.bias_table)
    if isinstance(table, BiasTable):
        return
    weight = cast("nn.Embedding", table).weight.detach()
    heads = int(getattr(classifier.config, BIAS_HEADS, weight.shape[1]))
    if heads != weight.shape[1]:  # its weights are loaded later
        weight = weight.new_empty(len(weight), heads)
    classifier.encoder.set_submodule(attention.bias_table, BiasTable(weight))
    every_head = [list(range(heads))] * len(classifier.layers)
    _register_columns(classifier, attention, getattr(classifier.config, KEPT_HEADS, every_head))


def _register_columns(
    classifier: Classifier, attention: RelativeBiasAttention, kept: Sequence[Sequence[int]]
) -> None:
    for layer, heads in zip(classifier.layers, kept, strict=True):
        module = layer.get_submodule(attention.module)
        module.register_buffer(_COLUMNS, torch.tensor(heads), persistent=False)
        module.register_forward_pre_hook(_select_heads)


def _select_heads(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Pass on the biases of the layer's own heads: (batch, heads, tokens, tokens)."""
    states, mask, bias = inputs
    attention = cast("Any", module)
    columns = attention.get_buffer(_COLUMNS)
    attention.all_head_size = len(columns) * attention.attention_head_size
    return states, mask, bias[:, columns]


def keep_bias_heads(classifier: Classifier, keep: Sequence[Tensor]) -> None:
    """Remove heads from the layers' lists; other kinds of attention have none.

    Args:
        classifier: Changed in place, with its configuration.
        keep: Numbers of the heads that each layer keeps, of those that it has.
    """
    attention = classifier.architecture.attention
    if not isinstance(attention, RelativeBiasAttention):
        return
    modules = [layer.get_submodule(attention.module) for layer in classifier.layers]
    for module, heads in zip(modules, keep, strict=True):
        setattr(module, _COLUMNS, module.get_buffer(_COLUMNS)[heads])
    setattr(classifier.config, KEPT_HEADS, [m.get_buffer(_COLUMNS).tolist() for m in modules])


def keep_bias_table(classifier: Classifier) -> None:
    """Record the size of the table, before the configuration gets another number of heads.

    Args:
        classifier: Its configuration is changed in place.
    """
    attention = classifier.architecture.attention
    if isinstance(attention, RelativeBiasAttention):
        setattr(classifier.config, BIAS_HEADS, bias_weight(classifier).shape[1])


def bias_weight(classifier: Classifier) -> nn.Parameter:
    """Return the numbers of the table, shape (buckets, heads).

    Args:
        classifier: One whose attention has relative biases.
    """
    attention = cast("RelativeBiasAttention", classifier.architecture.attention)
    return classifier.encoder.get_parameter(f"{attention.bias_table}.weight")


def columns_of(classifier: Classifier, layer: int) -> Tensor:
    """Return the columns of the table for the heads of a layer.

    Args:
        classifier: One whose attention has relative biases.
        layer: Counted from 0.

    Returns:
        Shape (heads,), int64.
    """
    attention = cast("RelativeBiasAttention", classifier.architecture.attention)
    return classifier.layers[layer].get_submodule(attention.module).get_buffer(_COLUMNS)


def bucket_numbers(classifier: Classifier, distances: Tensor) -> Tensor:
    """Return the rows of the table for distances, keys minus queries.

    Args:
        classifier: One whose attention has relative biases.
        distances: int64, of any shape.

    Returns:
        int64, of this shape.
    """
    attention = cast("RelativeBiasAttention", classifier.architecture.attention)
    owner: Any = classifier.encoder.get_submodule(attention.bias_table.rpartition(".")[0])
    return cast("Tensor", owner.relative_position_bucket(distances))


def position_bias(classifier: Classifier, layer: int, tokens: int) -> Tensor:
    """Compute the biases of a layer's attention scores.

    Args:
        classifier: One whose attention has relative biases.
        layer: Counted from 0.
        tokens: Number of tokens.

    Returns:
        Shape (heads, tokens, tokens).
    """
    weight = bias_weight(classifier)
    places = torch.arange(tokens, device=weight.device)
    biases = weight[bucket_numbers(classifier, places - places[:, None])]
    return biases.permute(2, 0, 1)[columns_of(classifier, layer)]
