"""The kind of attention of DeBERTa, see `coldpress.model.attention`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from coldpress.model.activations import Activations
    from coldpress.model.classifier import Classifier


ATTENTION = "attention.self"
"""Path of the module inside a layer."""

POSITION_NAMES = ("position_keys", "position_queries")
"""Names of a layer's positions inside that module."""


@dataclass(frozen=True)
class DisentangledAttention:
    """Contents and relative positions have queries and keys of their own (He et al. 2021).

    Attributes:
        linears: Paths by role.
    """

    linears: Mapping[str, str]

    @property
    def input_roles(self) -> tuple[str, ...]:
        """Queries, keys and values."""
        return ("query", "key", "value")

    @property
    def layer_lists(self) -> tuple[str, ...]:
        """All layers are alike."""
        return ()

    def scores(self, classifier: Classifier, states: Activations, layer: int) -> Tensor:
        """Compute the sum of three products, over sqrt(3 * head size)."""
        from coldpress.model.attention_scores import split_heads
        from coldpress.model.disentangled import position_module

        queries, keys = (
            split_heads(features, classifier.head_size)
            for features in (states.queries[layer], states.keys[layer])
        )
        return position_module(classifier, layer).scores(queries, keys)

    def attended_pairs(self, classifier: Classifier, states: Activations, layer: int) -> Tensor:  # noqa: ARG002
        """Return all pairs of unpadded tokens."""
        from coldpress.model.attention_scores import unpadded_pairs

        return unpadded_pairs(states.token_mask)
