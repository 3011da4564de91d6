"""Another basis for the vectors between layers, so that those with most variance come first.

Ashkboos et al. 2024, "SliceGPT: Compress Large Language Models by Deleting Rows and Columns",
section 3. There, normalizations are made to commute with rotations. Here, their scales are not
rotated, but fitted when the model has become narrower (`coldpress.distillation.narrow_width`).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from coldpress.model.classifier import Classifier
from coldpress.model.factored_embedding import FactoredEmbedding
from coldpress.model.normalization import Norm
from coldpress.model.sentence_surgery import rotate_sentence_head


@torch.no_grad()
def rotate_weights(classifier: Classifier, rotation: Tensor) -> Classifier:
    """Return a copy whose tables and linear modules use another basis.

    With x in the old basis, the new one has x Q. The normalizations are not changed, so that the
    copy computes something else until they are fitted. Scales of normalizations before sublayers
    become part of the modules that follow them.

    Args:
        classifier: The source.
        rotation: Q, orthogonal, shape (width, width); its columns are the new dimensions.
    """
    rotated = classifier.copy()
    _rotate_embeddings(rotated, rotation)
    norms = rotated.architecture.norms
    groups = (
        (norms.attention, rotated.architecture.head_roles),
        (norms.feed_forward, rotated.architecture.up_roles),
    )
    for layer in rotated.layers:
        for norm, readers in groups:
            scale = _folded_scale(layer.get_submodule(norm)) if norms.before_sublayers else None
            for role in readers:
                _rotate_inputs(rotated.linear(layer, role), rotation, scale)
        for role in ("attention_output", "down"):
            _rotate_outputs(rotated.linear(layer, role), rotation)
    _rotate_head(rotated, rotation)
    return rotated


def _rotate_embeddings(classifier: Classifier, rotation: Tensor) -> None:
    """Rotate the tables after the scale of their normalization, or the projection after them."""
    embeddings = classifier.architecture.embeddings
    modules = dict(classifier.encoder.named_modules())
    if embeddings.projection in modules:
        _rotate_outputs(cast("nn.Linear", modules[embeddings.projection]), rotation)
        return
    norm = embeddings.norm
    scale = None if norm is None else cast("nn.LayerNorm", modules[norm]).weight
    for path in (embeddings.words, embeddings.positions, embeddings.segments):
        if path and path in modules:
            _rotate_table(modules[path], rotation, scale)


def _rotate_table(module: nn.Module, rotation: Tensor, scale: Tensor | None) -> None:
    """Rotate a table after the scale of a layer normalization, if one follows.

    It subtracts the mean over the dimensions, which the new basis does not contain.
    """
    # (rows, width); of a factored table the second factor.
    if isinstance(module, FactoredEmbedding):
        table = module.projection.weight.T
    else:
        table = cast("nn.Embedding", module).weight
    normalized = table if scale is None else (table - table.mean(1, keepdim=True)) * scale
    table.copy_(normalized @ rotation)


def _rotate_head(classifier: Classifier, rotation: Tensor) -> None:
    """Rotate what the first linear module after the encoder reads."""
    if classifier.has_sentence_head:
        rotate_sentence_head(classifier, rotation)
        return
    head, final = classifier.output_head, classifier.architecture.norms.final
    scale = _folded_scale(classifier.encoder.get_submodule(final)) if final else None
    linear = classifier.module.get_submodule(head.pooler or head.output)
    _rotate_inputs(cast("nn.Linear", linear), rotation, scale)


def _folded_scale(norm: nn.Module) -> Tensor | None:
    return None if isinstance(norm, nn.Identity) else cast("Norm", norm).weight


def _rotate_inputs(linear: nn.Linear, rotation: Tensor, scale: Tensor | None) -> None:
    # weight: (out, in)
    weight = linear.weight if scale is None else linear.weight * scale
    linear.weight.copy_(weight @ rotation)


def _rotate_outputs(linear: nn.Linear, rotation: Tensor) -> None:
    # weight: (out, in)
    linear.weight.copy_(rotation.T @ linear.weight)
    if linear.bias is not None:
        linear.bias.copy_(linear.bias @ rotation)
