"""Check the disentangled attention in a teacher's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coldpress.errors import InputError
from coldpress.model.architecture import ARCHITECTURES, POSITION_TABLES
from coldpress.model.disentangled_attention import (
    ATTENTION,
    POSITION_NAMES,
    DisentangledAttention,
)

_REQUIRED: Mapping[str, tuple[Any, Any]] = {
    # Name: the default of transformers, and the only supported value.
    "relative_attention": (False, True),
    "position_biased_input": (True, False),
    "share_att_key": (False, True),
    "norm_rel_ebd": ("none", "layer_norm"),
    "conv_kernel_size": (0, 0),
    "type_vocab_size": (0, 0),
}
"""Values of DeBERTa-v3 and mDeBERTa; DeBERTa-v2 differs in the convolution of its large models."""

_POSITION_TYPES = {"c2p", "p2c"}


def check_disentangled_config(config: Mapping[str, Any], place: str) -> None:
    """Check the kind of positions and their tables; other families always pass.

    Args:
        config: The content of config.json; its family and sizes have been checked.
        place: The teacher's name in error messages.

    Raises:
        InputError: The model has another kind of positions than DeBERTa-v3.
    """
    if not isinstance(ARCHITECTURES[config["model_type"]].attention, DisentangledAttention):
        return
    for name, (default, required) in _REQUIRED.items():
        value = config.get(name, default)
        if value != required or isinstance(value, bool) != isinstance(required, bool):
            raise InputError(f"{place}: {name} is {value!r}, only {required!r} is supported")
    types = config.get("pos_att_type")
    names = types.lower().split("|") if isinstance(types, str) else types
    if not isinstance(names, list) or {str(name).strip() for name in names} != _POSITION_TYPES:
        raise InputError(f"{place}: pos_att_type is {types!r}, only 'p2c|c2p' is supported")
    if not isinstance(config.get("position_buckets"), int) or config["position_buckets"] < 1:
        raise InputError(f"{place}: position_buckets is missing, or not a positive number")
    farthest = config.get("max_relative_positions", -1)
    if not isinstance(farthest, int) or isinstance(farthest, bool):
        raise InputError(f"{place}: max_relative_positions is {farthest!r}, not a whole number")
    for name in ("embedding_size", "pooler_hidden_size"):
        if config.get(name, config["hidden_size"]) != config["hidden_size"]:
            raise InputError(f"{place}: {name} is not the hidden size, which is not supported")
    if config.get("attention_head_size") is not None:
        raise InputError(f"{place}: attention_head_size is set, which is not supported")


def position_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """List the shapes of relative positions: of one table, or of those of a checkpoint's layers.

    Args:
        config: The checked content of config.json.

    Returns:
        Shapes by the weights' names in the encoder.
    """
    names = ARCHITECTURES[config["model_type"]]
    shape = (2 * int(config["position_buckets"]), int(config["hidden_size"]))
    if not config.get(POSITION_TABLES):
        return {"encoder.rel_embeddings.weight": shape}
    layers = range(config[names.config_keys.layers])
    paths = [f"{names.layers}.{layer}.{ATTENTION}" for layer in layers]
    return {f"{path}.{name}": shape for path in paths for name in POSITION_NAMES}
