"""Names and shapes of the weights that a teacher's configuration asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from coldpress.model.architecture import ARCHITECTURES, POSITION_TABLES
from coldpress.model.attention import RelativeBiasAttention
from coldpress.model.components import SHARING_ROLES, Architecture, Embeddings, OutputHead
from coldpress.model.disentangled_attention import DisentangledAttention
from coldpress.teacher.config_checks import config_size, config_width
from coldpress.teacher.config_keys import FAMILY_DEFAULTS
from coldpress.teacher.disentangled_config import position_shapes

Shapes = dict[str, tuple[int, ...]]


def encoder_shapes(config: Mapping[str, Any]) -> Shapes:
    """List the shapes of the encoder's weights, without a pooler.

    Args:
        config: The checked content of config.json.

    Returns:
        Shapes by the weights' names in the family's classifier.
    """
    names = ARCHITECTURES[config["model_type"]]
    shapes = dict(_embedding_shapes(names.embeddings, config))
    for layer in range(config[names.config_keys.layers]):
        path = f"{names.layers}.{layer}"
        shapes |= {f"{path}.{k}": v for k, v in _layer_shapes(names, config, layer).items()}
    if names.norms.final:
        shapes |= _norm_shapes(names.norms.final, config_width(config), config)
    if isinstance(names.attention, RelativeBiasAttention):
        heads = config[names.config_keys.heads]
        shapes[f"{names.attention.bias_table}.weight"] = (names.attention.buckets, heads)
    if isinstance(names.attention, DisentangledAttention):
        if not config.get(POSITION_TABLES):
            shapes |= _norm_shapes("encoder.LayerNorm", config_width(config), config)
        shapes |= position_shapes(config)
    return {f"{names.encoder}.{name}": shape for name, shape in shapes.items()}


def head_shapes(config: Mapping[str, Any], head: OutputHead, labels: int) -> Shapes:
    """List the shapes of the output head's weights.

    Args:
        config: The checked content of config.json.
        head: Paths of the head's modules.
        labels: Number of labels.

    Returns:
        Shapes by the weights' names in the family's classifier.
    """
    width = config_width(config)
    bias = head.norm is None or bool(config.get("classifier_bias", False))
    shapes = _linear_shapes(head.pooler, width, width, bias) if head.pooler else {}
    if head.norm:
        shapes |= _norm_shapes(head.norm, width, config)
    return shapes | _linear_shapes(head.output, labels, width, True)


def _embedding_shapes(names: Embeddings, config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    width = _embedding_width(config)
    yield f"{names.words}.weight", (config["vocab_size"], width)
    if names.positions:
        rows = config_size(config, "max_position_embeddings")
        yield f"{names.positions}.weight", (rows, width)
    if names.segments and "type_vocab_size" in FAMILY_DEFAULTS[config["model_type"]]:
        rows = config_size(config, "type_vocab_size")
        yield f"{names.segments}.weight", (rows, width)
    if names.norm:
        yield from _norm_shapes(names.norm, width, config).items()
    hidden_size = config_width(config)
    if width != hidden_size:
        yield from _linear_shapes(names.projection, hidden_size, width, True).items()


def _embedding_width(config: Mapping[str, Any]) -> int:
    key = ARCHITECTURES[config["model_type"]].config_keys.tables
    return config_width(config) if key is None else config_size(config, key)


def _layer_shapes(names: Architecture, config: Mapping[str, Any], layer: int) -> Shapes:
    width = config_width(config)
    neurons = config[names.config_keys.neurons]
    outputs = dict.fromkeys(names.linears, width) | dict.fromkeys(names.up_roles, neurons)
    if key_value_heads := config.get(names.config_keys.key_value_heads or ""):
        rows = width // config[names.config_keys.heads] * key_value_heads
        outputs |= dict.fromkeys(SHARING_ROLES, rows)
    inputs = dict.fromkeys(names.linears, width) | {"down": neurons}
    shapes: Shapes = {}
    for role, path in names.linears.items():
        bias = _has_bias(names, config, role)
        shapes |= _linear_shapes(path, outputs[role], inputs[role], bias)
    for norm in names.norms.in_layer:
        if not (names.first_norm_missing and layer == 0 and norm == names.norms.attention):
            shapes |= _norm_shapes(norm, width, config)
    return _fuse_shapes(names, shapes)


def _fuse_shapes(names: Architecture, shapes: Shapes) -> Shapes:
    """Replace the shapes of slices by that of the fused weight which files store."""
    result = dict(shapes)
    for path, slices in names.fused.items():
        for parameter in ("weight", "bias"):
            parts = [result.pop(f"{path}.{name}.{parameter}", None) for name in slices]
            if parts[0] is not None:
                result[f"{path}.{parameter}"] = (len(slices) * parts[0][0], *parts[0][1:])
    return result


def _has_bias(names: Architecture, config: Mapping[str, Any], role: str) -> bool:
    if not names.feed_forward.gate:
        return True
    key = "mlp_bias" if role in ("up", "gate", "down") else "attention_bias"
    return bool(config.get(key, False))


def _linear_shapes(path: str, rows: int, columns: int, bias: bool) -> Shapes:
    shapes: Shapes = {f"{path}.weight": (rows, columns)}
    if bias:
        shapes[f"{path}.bias"] = (rows,)
    return shapes


def _norm_shapes(path: str, width: int, config: Mapping[str, Any]) -> Shapes:
    shapes: Shapes = {f"{path}.weight": (width,)}
    if _has_norm_bias(config):
        shapes[f"{path}.bias"] = (width,)
    return shapes


def _has_norm_bias(config: Mapping[str, Any]) -> bool:
    norms = ARCHITECTURES[config["model_type"]].norms
    if norms.root_mean_square:
        return False
    return norms.bias_key is None or bool(config.get(norms.bias_key, False))
