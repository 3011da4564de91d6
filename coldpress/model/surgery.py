"""Remove heads, neurons, layers and hidden dimensions from a model's weights.

Nothing here masks: the weights become smaller. The source classifier is never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from coldpress.errors import InputError
from coldpress.model.architecture import FIRST_NORM
from coldpress.model.classifier import Classifier
from coldpress.model.disentangled import keep_position_heads
from coldpress.model.factored_embedding import FactoredEmbedding
from coldpress.model.normalization import Norm
from coldpress.model.relative_bias import keep_bias_heads, keep_bias_table
from coldpress.model.sentence_surgery import narrow_sentence_head


def keep_heads(classifier: Classifier, keep: Sequence[Sequence[int]]) -> Classifier:
    """Return a copy with only the given attention heads.

    Query, key and value lose rows, the attention output loses columns.

    Args:
        classifier: The source.
        keep: Indices of the heads to keep, one sequence per layer, in any order.

    Raises:
        ValueError: `keep` does not match the layers, or a layer keeps no head or an unknown one.
    """
    pruned = classifier.copy()
    size = classifier.head_size
    shapes = classifier.shapes
    kept = [_sorted_indices(heads, s.heads) for heads, s in zip(keep, shapes, strict=True)]
    for layer, heads, shape in zip(pruned.layers, kept, shapes, strict=True):
        # Row numbers of the query weight by head: (heads, head size).
        rows = torch.arange(shape.heads * size).view(shape.heads, size)
        features = rows[heads].flatten()
        for role in pruned.architecture.head_roles:
            _keep_outputs(pruned.linear(layer, role), features)
        _keep_inputs(pruned.linear(layer, "attention_output"), features)
    keep_bias_heads(pruned, kept)
    keep_position_heads(pruned, kept)
    return pruned


def keep_neurons(classifier: Classifier, keep: Sequence[Sequence[int]]) -> Classifier:
    """Return a copy with only the given feed-forward neurons.

    The up projections lose rows, the down projections lose columns.

    Args:
        classifier: The source.
        keep: Indices of the neurons to keep, one sequence per layer, in any order.

    Raises:
        ValueError: `keep` does not match the layers, or a layer keeps no neuron or an unknown one.
    """
    pruned = classifier.copy()
    for layer, neurons, shape in zip(pruned.layers, keep, classifier.shapes, strict=True):
        features = _sorted_indices(neurons, shape.neurons)
        for role in pruned.architecture.up_roles:
            _keep_outputs(pruned.linear(layer, role), features)
        _keep_inputs(pruned.linear(layer, "down"), features)
    return pruned


def keep_layers(classifier: Classifier, indices: Sequence[int]) -> Classifier:
    """Return a copy with only the given encoder layers, lowest first.

    Args:
        classifier: The source.
        indices: The layers to keep, counted from the embeddings, in any order.

    Raises:
        ValueError: No index is given, or one is a duplicate or out of range.
    """
    keep = _sorted_indices(indices, len(classifier.layers)).tolist()
    pruned = classifier.copy()
    layers = nn.ModuleList(pruned.layers[index] for index in keep)
    pruned.encoder.set_submodule(pruned.architecture.layers, layers)
    _update_layer_config(pruned, keep)
    return pruned


def _update_layer_config(pruned: Classifier, keep: Sequence[int]) -> None:
    table = pruned.architecture
    config = pruned.config
    setattr(config, table.config_keys.layers, len(keep))
    for name in table.attention.layer_lists:
        if entries := getattr(config, name, None):
            setattr(config, name, [entries[index] for index in keep])
    if table.first_norm_missing and keep[0] > 0:
        setattr(config, FIRST_NORM, True)


def keep_width(classifier: Classifier, dimensions: Sequence[int]) -> Classifier:
    """Return a narrower copy with only the given dimensions of the hidden size.

    The number of heads and neurons does not change. Between two linear modules of the output head,
    as many features stay: those with the largest weights towards the logits.

    Args:
        classifier: The source.
        dimensions: The dimensions to keep, in any order; a multiple of the head size.

    Raises:
        ValueError: No dimension is given, one is a duplicate or out of range, or their number is
            not a multiple of the head size.
        InputError: The embedding tables have this width and a projection follows them, which a
            configuration with equal widths cannot describe.
    """
    keep = _sorted_indices(dimensions, int(classifier.config.hidden_size))
    size = classifier.head_size
    if len(keep) % size:
        raise ValueError(f"{len(keep)} dimensions are not a multiple of the head size {size}")
    narrow = classifier.copy()
    table = narrow.architecture
    _narrow_embeddings(narrow, keep)
    for layer in narrow.layers:
        for role in table.reader_roles:
            _keep_inputs(narrow.linear(layer, role), keep)
        for role in ("attention_output", "down"):
            _keep_outputs(narrow.linear(layer, role), keep)
        for norm in table.norms.in_layer:
            _keep_features(layer.get_submodule(norm), keep)
    if table.norms.final:
        _keep_features(narrow.encoder.get_submodule(table.norms.final), keep)
    narrow_head = narrow_sentence_head if narrow.has_sentence_head else _narrow_head
    narrow_head(narrow, keep)
    keep_bias_table(narrow)
    narrow.config.hidden_size = len(keep)
    if hasattr(narrow.config, "pooler_hidden_size"):
        narrow.config.pooler_hidden_size = len(keep)
    # The head size is the configured hidden size divided by the configured number of heads.
    for name in (table.config_keys.heads, table.config_keys.key_value_heads):
        if name:
            setattr(narrow.config, name, len(keep) // size)
    return narrow


def _narrow_embeddings(classifier: Classifier, keep: Tensor) -> None:
    """Narrow the embedding tables, or the projection after them if there is one."""
    embeddings = classifier.architecture.embeddings
    modules = dict(classifier.encoder.named_modules())
    if embeddings.projection in modules:
        if classifier.config.embedding_size == len(keep):
            reason = f"the embedding tables have a width of {len(keep)} and a projection after them"
            raise InputError(f"distill.student.width: {reason}; take another width")
        _keep_outputs(cast("nn.Linear", modules[embeddings.projection]), keep)
        return
    for path in (embeddings.words, embeddings.positions, embeddings.segments):
        if path and path in modules:
            _narrow_table(modules[path], keep)
    if embeddings.norm:
        _keep_features(modules[embeddings.norm], keep)
    if hasattr(classifier.config, "embedding_size"):
        classifier.config.embedding_size = len(keep)


def _narrow_table(table: nn.Module, keep: Tensor) -> None:
    if isinstance(table, FactoredEmbedding):
        _keep_outputs(table.projection, keep)
        return
    embedding = cast("nn.Embedding", table)
    embedding.weight = nn.Parameter(embedding.weight.detach()[:, keep])
    embedding.embedding_dim = len(keep)


def _narrow_head(classifier: Classifier, keep: Tensor) -> None:
    """Narrow the output head: `pooler` (hidden, hidden) and `output` (labels, hidden)."""
    head = classifier.output_head
    module = classifier.module
    output = cast("nn.Linear", module.get_submodule(head.output))
    if head.pooler is None:
        _keep_inputs(output, keep)
        return
    pooler = cast("nn.Linear", module.get_submodule(head.pooler))
    weights = output.weight.detach().norm(dim=0)
    features = weights.argsort(descending=True, stable=True)[: len(keep)].sort().values
    _keep_inputs(pooler, keep)
    _keep_outputs(pooler, features)
    if head.norm:
        _keep_features(module.get_submodule(head.norm), features)
    _keep_inputs(output, features)


def _sorted_indices(indices: Sequence[int], available: int) -> Tensor:
    """Return the indices in ascending order, so that the kept units stay in their order."""
    keep = sorted(indices)
    if not keep or len(set(keep)) < len(keep) or not 0 <= keep[0] <= keep[-1] < available:
        raise ValueError(f"{keep} must be at least one of 0..{available - 1}, without duplicates")
    return torch.tensor(keep)


def _keep_outputs(linear: nn.Linear, rows: Tensor) -> None:
    # weight: (out, in)
    linear.weight = nn.Parameter(linear.weight.detach()[rows])
    if linear.bias is not None:
        linear.bias = nn.Parameter(linear.bias.detach()[rows])
    linear.out_features = len(rows)


def _keep_inputs(linear: nn.Linear, columns: Tensor) -> None:
    # weight: (out, in)
    linear.weight = nn.Parameter(linear.weight.detach()[:, columns])
    linear.in_features = len(columns)


def _keep_features(norm: nn.Module, features: Tensor) -> None:
    if isinstance(norm, nn.Identity):
        return
    for name, values in list(norm.named_parameters()):
        setattr(norm, name, nn.Parameter(values.detach()[features]))
    cast("Norm", norm).normalized_shape = (len(features),)
