"""Removal for real: parts leave the weights of a model, so that less is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from coldpress.errors import InputError
from coldpress.model.architecture import FIRST_NORM
from coldpress.model.classifier import Classifier


def keep_heads(classifier: Classifier, keep: Sequence[Sequence[int]]) -> Classifier:
    """Remove all other attention heads.

    Args:
        classifier: The source, left as it is.
        keep: Indices of the heads that stay, one sequence a layer; in any order.

    Returns:
        A classifier whose query, key and value lose rows, and whose attention output loses columns.

    Raises:
        ValueError: A layer is missing, would lose every head, or lacks a named head.
    """
    pruned, size = classifier.copy(), classifier.head_size
    for layer, heads, shape in zip(pruned.layers, keep, classifier.shapes, strict=True):
        rows = torch.arange(shape.heads * size).view(shape.heads, size)
        features = rows[_sorted_indices(heads, shape.heads)].flatten()
        for role in ("query", "key", "value"):
            _keep_outputs(pruned.linear(layer, role), features)
        _keep_inputs(pruned.linear(layer, "attention_output"), features)
    return pruned


def keep_neurons(classifier: Classifier, keep: Sequence[Sequence[int]]) -> Classifier:
    """Remove all other feed-forward neurons.

    Args:
        classifier: The source, left as it is.
        keep: Indices of the neurons that stay, one sequence a layer; in any order.

    Returns:
        A classifier whose up projections lose rows, and whose down projections lose columns.

    Raises:
        ValueError: A layer is missing, would lose every neuron, or lacks a named neuron.
    """
    pruned = classifier.copy()
    for layer, neurons, shape in zip(pruned.layers, keep, classifier.shapes, strict=True):
        features = _sorted_indices(neurons, shape.neurons)
        for role in pruned.architecture.up_roles:
            _keep_outputs(pruned.linear(layer, role), features)
        _keep_inputs(pruned.linear(layer, "down"), features)
    return pruned


def keep_layers(classifier: Classifier, indices: Sequence[int]) -> Classifier:
    """Remove all other encoder layers.

    Args:
        classifier: The source, left as it is.
        indices: The layers that stay, counted from the embeddings; in any order.

    Returns:
        A classifier with these layers, lowest first, and a configuration that says so.

    Raises:
        ValueError: No layer would stay, or one is named twice or does not exist.
    """
    stay = _sorted_indices(indices, len(classifier.layers)).tolist()
    pruned = classifier.copy()
    layers = nn.ModuleList(pruned.layers[index] for index in stay)
    pruned.encoder.set_submodule(pruned.architecture.layers, layers)
    _update_layer_config(pruned, stay)
    return pruned


def _update_layer_config(pruned: Classifier, stay: Sequence[int]) -> None:
    """Say in the configuration which layers there are."""
    table, config = pruned.architecture, pruned.config
    setattr(config, table.config_layers, len(stay))
    if table.config_layer_types:
        kinds = getattr(config, table.config_layer_types)
        setattr(config, table.config_layer_types, [kinds[index] for index in stay])
    if table.pre_norm and stay[0] > 0:
        setattr(config, FIRST_NORM, True)


def keep_width(classifier: Classifier, dimensions: Sequence[int]) -> Classifier:
    """Remove all other dimensions of what flows from layer to layer.

    Heads and neurons stay as many as they are. Of the features between the head's two linear
    modules, as many stay as dimensions do: those with the largest weights towards the logits.

    Args:
        classifier: The source, left as it is.
        dimensions: Those that stay, a multiple of the head size; in any order.

    Returns:
        A classifier with narrower tables, normalizations and linear modules, and a configuration
        that says so.

    Raises:
        ValueError: No dimension would stay, one is named twice or does not exist, or their number
            is no multiple of the head size.
        InputError: A configuration cannot say it, as the tables have this width already.
    """
    stay, size = (
        _sorted_indices(dimensions, int(classifier.config.hidden_size)),
        classifier.head_size,
    )
    if len(stay) % size:
        raise ValueError(f"{len(stay)} dimensions are no multiple of the head size {size}")
    narrow = classifier.copy()
    _narrow_embeddings(narrow, stay)
    for layer in narrow.layers:
        for role in narrow.architecture.reader_roles:
            _keep_inputs(narrow.linear(layer, role), stay)
        for role in ("attention_output", "down"):
            _keep_outputs(narrow.linear(layer, role), stay)
        for norm in (narrow.architecture.attention_norm, narrow.architecture.output_norm):
            _keep_features(layer.get_submodule(norm), stay)
    if narrow.architecture.final_norm:
        _keep_features(narrow.encoder.get_submodule(narrow.architecture.final_norm), stay)
    _narrow_head(narrow, stay)
    narrow.config.hidden_size = len(stay)
    # A head's size is what a configuration says of the width, by the number of heads.
    setattr(narrow.config, narrow.architecture.config_heads, len(stay) // size)
    return narrow


def _narrow_embeddings(classifier: Classifier, stay: Tensor) -> None:
    """Narrow the tables, or what leads from narrower tables to the layers."""
    table, encoder = classifier.architecture, classifier.encoder
    modules = dict(encoder.named_modules())
    if table.embedding_projection in modules:
        if classifier.config.embedding_size == len(stay):
            wrong = f"the embedding tables have a width of {len(stay)}, from which a projection"
            raise InputError(f"distill.student.width: {wrong} leads; take another width")
        _keep_outputs(cast("nn.Linear", modules[table.embedding_projection]), stay)
        return
    for path in (table.word_embeddings, table.position_embeddings, table.segment_embeddings):
        if path and path in modules:
            rows = cast("nn.Embedding", modules[path])
            rows.weight = nn.Parameter(rows.weight.detach()[:, stay])
            rows.embedding_dim = len(stay)
    _keep_features(modules[table.embedding_norm], stay)
    if hasattr(classifier.config, "embedding_size"):
        classifier.config.embedding_size = len(stay)


def _narrow_head(classifier: Classifier, stay: Tensor) -> None:
    table, module = classifier.architecture, classifier.module
    pooler, output = (
        cast("nn.Linear", module.get_submodule(path)) for path in (table.pooler, table.output)
    )
    weights = output.weight.detach().norm(dim=0)
    features = weights.argsort(descending=True, stable=True)[: len(stay)].sort().values
    _keep_inputs(pooler, stay)
    _keep_outputs(pooler, features)
    if table.pooler_norm:
        _keep_features(module.get_submodule(table.pooler_norm), features)
    _keep_inputs(output, features)


def keep_tokens(classifier: Classifier, ids: Sequence[int], tokenizer: Tokenizer) -> Classifier:
    """Remove the rows of all other tokens from the token table.

    Args:
        classifier: The source, left as it is.
        ids: The tokens that stay, ascending. Those beyond the table have no row to lose.
        tokenizer: Knows these tokens by their places in `ids`.

    Returns:
        A classifier with this tokenizer, and a configuration that names tokens by their new ids.
    """
    pruned, new = classifier.copy(), {old: place for place, old in enumerate(ids)}
    pruned.tokenizer = tokenizer
    table = pruned.token_table
    rows = torch.tensor([old for old in ids if old < table.num_embeddings])
    table.weight = nn.Parameter(table.weight.detach()[rows])
    table.num_embeddings = pruned.config.vocab_size = len(rows)
    if table.padding_idx is not None:
        table.padding_idx = new[table.padding_idx]
    for name, token in _config_token_ids(classifier).items():
        renumbered = [new[old] for old in token] if isinstance(token, list) else new[token]
        setattr(pruned.config, name, renumbered)
    return pruned


def required_tokens(classifier: Classifier) -> set[int]:
    """Return the tokens that a model needs whatever the texts are.

    Args:
        classifier: Any.

    Returns:
        Ids that its configuration names, and its table's padding. Where positions are counted from
        the padding's id, all tokens below it too, so that it keeps that id.
    """
    padding = classifier.token_table.padding_idx
    needed = set() if padding is None else {padding}
    for token in _config_token_ids(classifier).values():
        needed.update(token if isinstance(token, list) else [token])
    if padding is not None and classifier.architecture.positions_from_padding:
        needed.update(range(padding))
    return needed


def _config_token_ids(classifier: Classifier) -> dict[str, int | list[int]]:
    """What a configuration says of tokens that there are, such as `pad_token_id`."""
    rows = range(classifier.token_table.num_embeddings)
    return {
        name: token
        for name, token in classifier.config.to_dict().items()
        if name.endswith("_token_id")
        if all(one in rows for one in (token if isinstance(token, list) else [token]))
    }


def _sorted_indices(indices: Sequence[int], available: int) -> Tensor:
    """Return the indices in ascending order, which keeps what stays in its old order."""
    stay = sorted(indices)
    if not stay or len(set(stay)) < len(stay) or not 0 <= stay[0] <= stay[-1] < available:
        raise ValueError(f"{stay} must be at least one of 0..{available - 1}, each once")
    return torch.tensor(stay)


def _keep_outputs(linear: nn.Linear, rows: Tensor) -> None:
    linear.weight = nn.Parameter(linear.weight.detach()[rows])
    if linear.bias is not None:
        linear.bias = nn.Parameter(linear.bias.detach()[rows])
    linear.out_features = len(rows)


def _keep_inputs(linear: nn.Linear, columns: Tensor) -> None:
    linear.weight = nn.Parameter(linear.weight.detach()[:, columns])
    linear.in_features = len(columns)


def _keep_features(norm: nn.Module, features: Tensor) -> None:
    if isinstance(norm, nn.Identity):
        return
    layer_norm = cast("nn.LayerNorm", norm)
    for name, values in list(layer_norm.named_parameters()):
        setattr(layer_norm, name, nn.Parameter(values.detach()[features]))
    layer_norm.normalized_shape = (len(features),)
