"""Count multiply-accumulates, a cost that does not depend on the machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coldpress.data.encoding import Batch, EncodedSplit
from coldpress.model.classifier import Classifier
from coldpress.model.hooks import remove_hooks


def macs_per_token(classifier: Classifier, encoded: EncodedSplit) -> int:
    """Count multiply-accumulates for a text of mean length, divided by its tokens.

    For a text of T tokens: over all linear modules the sum of rows x in_features x out_features,
    where rows is T in the encoder and 1 in a head that reads one token, plus for each layer
    2 x T x T x heads x head_size for the two products of activations in attention. Embeddings,
    normalization, softmax and biases are not counted. Modules and rows are counted during a forward
    pass, so pruned, factored and fake-quantized modules count with their actual shapes.

    Args:
        classifier: The model, possibly pruned.
        encoded: Rows whose rounded mean length is T.

    Returns:
        Multiply-accumulates per token, rounded.
    """
    tokens = round(float(np.mean([len(row) for row in encoded.input_ids])))
    width = sum(shape.heads * classifier.head_size for shape in classifier.shapes)
    attention = 2 * tokens * tokens * width
    return round((_linear_macs(classifier, tokens) + attention) / tokens)


def _linear_macs(classifier: Classifier, tokens: int) -> int:
    counts = []

    def count(module: nn.Module, inputs: tuple[Tensor, ...], _: Any) -> None:  # noqa: ANN401
        # Each of the rows x in_features inputs is multiplied by out_features weights.
        counts.append(inputs[0].numel() * int(getattr(module, "out_features")))  # noqa: B009

    hooks = [linear.register_forward_hook(count) for linear in _linear_modules(classifier.module)]
    with remove_hooks(hooks), torch.inference_mode():
        classifier.module(**classifier.inputs(_dummy_batch(tokens)))
    return sum(counts)


def _linear_modules(module: nn.Module) -> Iterator[nn.Module]:
    """Yield modules that multiply by a matrix; a nested one holds the same matrix."""
    for child in module.children():
        if hasattr(child, "in_features") and hasattr(child, "out_features"):
            yield child
        else:
            yield from _linear_modules(child)


def _dummy_batch(tokens: int) -> Batch:
    ids = np.zeros((1, tokens), dtype=np.int64)
    return Batch(ids, np.ones_like(ids), np.zeros_like(ids), np.zeros(1, dtype=np.int64))
