"""Compare a teacher's stored weights with its configuration, without loading them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from coldpress.errors import InputError
from coldpress.model.architecture import ARCHITECTURES, Architecture
from coldpress.model.weight_headers import (
    FLOAT_DTYPES,
    StoredTensor,
    check_finite,
    list_weight_files,
    read_headers,
)
from coldpress.teacher.config_checks import config_size, config_width
from coldpress.teacher.config_keys import FAMILY_DEFAULTS

Shapes = dict[str, tuple[int, ...]]


def check_weights(directory: Path, config: Mapping[str, Any], place: str) -> None:
    """Check that every weight of the encoder is there, fits, and is finite.

    Args:
        directory: Of the model.
        config: The checked content of its config.json.
        place: How an error names the teacher.

    Raises:
        InputError: transformers would draw a weight at random, or read one that is no number.
    """
    stored = read_headers(directory, list_weight_files(directory, place), place)
    _check_depth(stored, config, place)
    _check_shapes(stored, encoder_shapes(config), config, place)
    check_finite(stored, place)


def check_head(directory: Path, config: Mapping[str, Any], labels: int, place: str) -> None:
    """Check that a classification head is there.

    Args:
        directory: Of the model.
        config: The checked content of its config.json.
        labels: How many labels the configuration names.
        place: How an error names the teacher.

    Raises:
        InputError: A weight of the head is missing or has another shape.
    """
    stored = read_headers(directory, list_weight_files(directory, place), place)
    _check_shapes(stored, head_shapes(config, labels), config, place)


def has_head(directory: Path, config: Mapping[str, Any], place: str) -> bool:
    """Say whether a model's files hold the last weight of a classifier of its family.

    Args:
        directory: Of the model.
        config: The checked content of its config.json.
        place: How an error names the teacher.

    Returns:
        Whether they do.
    """
    output = ARCHITECTURES[config["model_type"]].output
    return f"{output}.weight" in read_headers(directory, list_weight_files(directory, place), place)


def encoder_shapes(config: Mapping[str, Any]) -> Shapes:
    """List what the encoder of a family is made of, but for a pooler.

    Args:
        config: The checked content of config.json.

    Returns:
        Shapes by the names that the family gives them in its classifier.
    """
    names = ARCHITECTURES[config["model_type"]]
    inside = dict(_embedding_shapes(names, config))
    for layer in range(config[names.config_layers]):
        path = f"{names.layers}.{layer}"
        inside |= {f"{path}.{k}": v for k, v in _layer_shapes(names, config, layer).items()}
    if names.final_norm:
        inside |= _norm_shapes(names.final_norm, config_width(config), config)
    return {f"{names.encoder}.{name}": shape for name, shape in inside.items()}


def head_shapes(config: Mapping[str, Any], labels: int) -> Shapes:
    """List what the classification head of a family is made of.

    Args:
        config: The checked content of config.json.
        labels: Rows of its last matrix.

    Returns:
        Shapes by name.
    """
    names, wide = ARCHITECTURES[config["model_type"]], config_width(config)
    biased = names.pooler_norm is None or bool(config.get("classifier_bias", False))
    found = _linear_shapes(names.pooler, wide, wide, biased)
    if names.pooler_norm:
        found |= _norm_shapes(names.pooler_norm, wide, config)
    return found | _linear_shapes(names.output, labels, wide, True)


def _embedding_shapes(names: Architecture, config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    wide, tables = config_width(config), _embedding_width(config)
    yield f"{names.word_embeddings}.weight", (config["vocab_size"], tables)
    if names.position_embeddings:
        rows = config_size(config, "max_position_embeddings")
        yield f"{names.position_embeddings}.weight", (rows, tables)
    if names.segment_embeddings and "type_vocab_size" in FAMILY_DEFAULTS[config["model_type"]]:
        rows = config_size(config, "type_vocab_size")
        yield f"{names.segment_embeddings}.weight", (rows, tables)
    yield from _norm_shapes(names.embedding_norm, tables, config).items()
    if tables != wide:
        yield from _linear_shapes(names.embedding_projection, wide, tables, True).items()


def _embedding_width(config: Mapping[str, Any]) -> int:
    key = ARCHITECTURES[config["model_type"]].config_tables
    return config_width(config) if key is None else config_size(config, key)


def _layer_shapes(names: Architecture, config: Mapping[str, Any], layer: int) -> Shapes:
    wide, neurons = config_width(config), config[names.config_neurons]
    outputs = dict.fromkeys(names.roles, wide) | dict.fromkeys(names.up_roles, neurons)
    inputs = dict.fromkeys(names.roles, wide) | {"down": neurons}
    found: Shapes = {}
    for role in names.roles:
        biased = _has_bias(names, config, role)
        found |= _linear_shapes(getattr(names, role), outputs[role], inputs[role], biased)
    for norm in (names.attention_norm, names.output_norm):
        if not (names.pre_norm and layer == 0 and norm == names.attention_norm):
            found |= _norm_shapes(norm, wide, config)
    return _fuse_shapes(names, found)


def _fuse_shapes(names: Architecture, apart: Shapes) -> Shapes:
    """Put slices together that are stored as one matrix, in the order of its rows."""
    found = dict(apart)
    for path, slices in names.fused.items():
        for kind in ("weight", "bias"):
            parts = [found.pop(f"{path}.{one}.{kind}", None) for one in slices]
            if parts[0] is not None:
                found[f"{path}.{kind}"] = (len(slices) * parts[0][0], *parts[0][1:])
    return found


def _has_bias(names: Architecture, config: Mapping[str, Any], role: str) -> bool:
    if not names.gate:
        return True
    key = "mlp_bias" if role in ("up", "gate", "down") else "attention_bias"
    return bool(config.get(key, False))


def _linear_shapes(path: str, rows: int, columns: int, biased: bool) -> Shapes:
    bias: Shapes = {f"{path}.bias": (rows,)} if biased else {}
    return {f"{path}.weight": (rows, columns), **bias}


def _norm_shapes(path: str, wide: int, config: Mapping[str, Any]) -> Shapes:
    biased = config["model_type"] != "modernbert" or bool(config.get("norm_bias", False))
    return {f"{path}.weight": (wide,), **({f"{path}.bias": (wide,)} if biased else {})}


def _check_shapes(
    stored: Mapping[str, StoredTensor], wanted: Shapes, config: Mapping[str, Any], place: str
) -> None:
    prefix = f"{ARCHITECTURES[config['model_type']].encoder}."
    found = {name: _find_tensor(stored, name, prefix) for name in wanted}
    lost = [name for name, tensor in found.items() if tensor is None]
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise InputError(f"{place}: the weights lack {lost[0]}{more}, which config.json asks for")
    for name, tensor in found.items():
        if tensor is not None and tensor.dtype not in FLOAT_DTYPES:
            only = ", ".join(FLOAT_DTYPES)
            raise InputError(f"{place}: {name} is stored as {tensor.dtype}, not as one of: {only}")
        if tensor is not None and tensor.shape != wanted[name]:
            raise InputError(
                f"{place}: {name} is stored as {_format_shape(tensor.shape)},"
                f" but config.json makes it {_format_shape(wanted[name])}"
            )


def _find_tensor(stored: Mapping[str, StoredTensor], name: str, prefix: str) -> StoredTensor | None:
    """Look a weight up as transformers does: without the prefix too, and by its oldest name."""
    short = name.removeprefix(prefix)
    for known in (name, short):
        for old in (known, _legacy_name(known)):
            if old in stored:
                return stored[old]
    return None


def _legacy_name(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
        "LayerNorm.bias", "LayerNorm.beta"
    )


def _check_depth(stored: Mapping[str, StoredTensor], config: Mapping[str, Any], place: str) -> None:
    """Refuse layers that would be left out: the configuration is another model's."""
    names = ARCHITECTURES[config["model_type"]]
    depth = config[names.config_layers]
    beyond = (f"{names.encoder}.{names.layers}.{depth}.", f"{names.layers}.{depth}.")
    if any(name.startswith(beyond) for name in stored):
        raise InputError(
            f"{place}: the weights have more layers than {names.config_layers} {depth}"
        )
    if depth > len(stored):
        raise InputError(f"{place}: the weights have no {depth} layers ({names.config_layers})")


def _format_shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
