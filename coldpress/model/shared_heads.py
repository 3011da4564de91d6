"""Keys and values that several heads share (Ainslie et al. 2023, "GQA")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from coldpress.model.components import SHARING_ROLES

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier


@torch.no_grad()
def copy_shared_heads(classifier: Classifier) -> None:
    """Give every head keys and values of its own, equal to those that it shared.

    The outputs stay the same, and heads can be removed one by one. The layers have more parameters.

    Args:
        classifier: Changed in place, with its configuration, which stays one of its family.
    """
    names = classifier.architecture.config_keys
    if names.key_value_heads is None:
        return
    heads = getattr(classifier.config, names.heads)
    shared = getattr(classifier.config, names.key_value_heads)
    if shared == heads:
        return
    for layer in classifier.layers:
        for role in SHARING_ROLES:
            _repeat_heads(classifier.linear(layer, role), shared, heads // shared)
        # transformers repeats keys and values as often as this attribute says.
        path = classifier.architecture.linears["key"].rpartition(".")[0]
        setattr(layer.get_submodule(path), "num_key_value_groups", 1)  # noqa: B010
    setattr(classifier.config, names.key_value_heads, heads)


def _repeat_heads(linear: nn.Linear, heads: int, times: int) -> None:
    """Repeat the rows of every head: (heads * size, in) to (heads * times * size, in)."""
    for name, values in list(linear.named_parameters()):
        by_head = values.view(heads, -1, *values.shape[1:])
        setattr(linear, name, nn.Parameter(by_head.repeat_interleave(times, dim=0).flatten(0, 1)))
    linear.out_features *= times
