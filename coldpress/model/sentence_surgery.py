"""Changes of a sentence head: vectors of another length, or of a narrower encoder."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from coldpress.model.classifier import Classifier
from coldpress.model.sentence_head import DENSE, Dense, SentenceHead, read_head, write_head


def project_vectors(classifier: Classifier, components: Tensor) -> Classifier:
    """Return a copy whose vectors are projected before their normalization.

    Args:
        classifier: The source.
        components: Shape (new dimension, dimension). No activation may follow the linear layer.
    """
    projected = classifier.copy()
    dense = _require_dense(projected)
    with torch.no_grad():
        weight = components @ dense.weight
        bias = None if dense.bias is None else components @ dense.bias
    _replace_dense(projected, weight, bias)
    return projected


def narrow_sentence_head(classifier: Classifier, keep: Tensor) -> None:
    """Read only some dimensions of the encoder; the vectors keep their length.

    A head without a linear layer gets one, which starts with the dimensions that stay, so that a
    narrow encoder can still learn vectors of the teacher's length.

    Args:
        classifier: Changed in place.
        keep: The dimensions, ascending.
    """
    dense = _require_dense(classifier)
    bias = None if dense.bias is None else dense.bias.detach()
    _replace_dense(classifier, dense.weight.detach()[:, keep], bias)


def rotate_sentence_head(classifier: Classifier, rotation: Tensor) -> None:
    """Read the encoder in another basis; the vectors stay the same if the pooling is linear.

    Args:
        classifier: Changed in place.
        rotation: Shape (width, width); its columns are the new dimensions.
    """
    dense = _require_dense(classifier)
    bias = None if dense.bias is None else dense.bias.detach()
    _replace_dense(classifier, dense.weight.detach() @ rotation, bias)


def _require_dense(classifier: Classifier) -> nn.Linear:
    """Return the linear layer; a new one changes nothing."""
    head = read_head(classifier.config)
    if head.dense is not None:
        return cast("nn.Linear", classifier.module.get_submodule(DENSE))
    width = int(classifier.config.hidden_size)
    dense = nn.Linear(width, width, bias=False)
    with torch.no_grad():
        dense.weight.copy_(torch.eye(width))
    classifier.module.add_module(DENSE, dense)
    described = SentenceHead(head.pooling, Dense(width, bias=False), head.normalize)
    write_head(classifier.config, described)
    return dense


def _replace_dense(classifier: Classifier, weight: Tensor, bias: Tensor | None) -> None:
    head = read_head(classifier.config)
    if head.dense is None:
        raise ValueError("the head has no linear layer")
    width, inputs = weight.shape
    dense = nn.Linear(inputs, width, bias=bias is not None)
    with torch.no_grad():
        dense.weight.copy_(weight)
        if bias is not None:
            dense.bias.copy_(bias)
    classifier.module.add_module(DENSE, dense)
    described = Dense(width, head.dense.bias, head.dense.activation)
    write_head(classifier.config, SentenceHead(head.pooling, described, head.normalize))
