"""Check the config.json of a pretrained teacher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coldpress.errors import InputError
from coldpress.model.architecture import ACTIVATION_FUNCTIONS, ARCHITECTURES
from coldpress.teacher.config_keys import (
    CODE_KEY,
    COUNT,
    EFFECTIVE_KEYS,
    FAMILY_DEFAULTS,
    FLAG,
    KEY_ALIASES,
    NULLABLE_KEYS,
    NUMBER,
    POSITIVE,
    RATE,
    REQUIRED_VALUES,
    TEXT,
)
from coldpress.teacher.disentangled_config import check_disentangled_config
from coldpress.teacher.label_config import check_label_count, check_label_names, label_names
from coldpress.teacher.rotary_config import check_rotary_config

_COUNT_LIMIT = 2**31
_MAX_NUMBER = 1e30
_NUMBER_KINDS = (NUMBER, POSITIVE, RATE)


def check_config(config: Mapping[str, Any], place: str) -> None:
    """Check a teacher's family, sizes, activation functions, labels and all other used values.

    Args:
        config: The content of config.json.
        place: The teacher's name in error messages.

    Raises:
        InputError: The model could not be trained, or its exported graph would be wrong.
    """
    family = config.get("model_type")
    if family is None:
        raise InputError(f"{place} is not a transformers model: config.json has no model_type")
    if not isinstance(family, str) or family not in ARCHITECTURES:
        supported = ", ".join(sorted(ARCHITECTURES))
        raise InputError(f"{place}: family {family!r} is not one of: {supported}")
    _check_supported(config, place)
    _check_aliases(config, place)
    _check_sizes(config, place)
    _check_heads(config, place)
    _check_activation(config, place)
    _check_pooling(config, place)
    check_rotary_config(config, place)
    check_disentangled_config(config, place)
    _check_architectures(config.get("architectures"), place)
    check_label_names(config, place)
    _check_values(config, place)
    _check_padding(config, place)
    check_label_count(config, place)


def config_size(config: Mapping[str, Any], name: str) -> int:
    """Return a size in the configuration, or the family's default.

    Args:
        config: The checked content of config.json.
        name: A key of `config_keys.FAMILY_DEFAULTS`.

    Returns:
        The size.
    """
    return int(config.get(name, FAMILY_DEFAULTS[config["model_type"]][name]))


def config_width(config: Mapping[str, Any]) -> int:
    """Return the hidden size, which DistilBERT may call `dim`."""
    return int(config[_width_key(config)])


def effective_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Select the values that a teacher is built with.

    Args:
        config: The checked content of config.json.

    Returns:
        The effective keys, with floats and label names in the form that transformers expects.
    """
    values = {name: config[name] for name in EFFECTIVE_KEYS if name in config}
    values = {k: v for k, v in values.items() if v is not None or k not in NULLABLE_KEYS}
    if config["model_type"] == "distilbert":
        values = {k: v for k, v in values.items() if KEY_ALIASES.get(k) not in values}
    labels = label_names(config)
    values.pop("num_labels", None)
    floats = {k: float(v) for k, v in values.items() if EFFECTIVE_KEYS[k] in _NUMBER_KINDS}
    return values | floats | {"id2label": dict(enumerate(labels))}


def _width_key(config: Mapping[str, Any]) -> str:
    # Only DistilBERT reads dim.
    return "dim" if config["model_type"] == "distilbert" and "dim" in config else "hidden_size"


def _check_supported(config: Mapping[str, Any], place: str) -> None:
    adopted = ARCHITECTURES[config["model_type"]].adopted_code
    for name, (required, reason) in REQUIRED_VALUES.items():
        value = config.get(name, required)
        if name == CODE_KEY and adopted:
            continue
        if required is None and value:
            raise InputError(f"{place}: {name} is set, which is not supported: {reason}")
        if required is not None and value != required:
            raise InputError(
                f"{place}: {name} is {value!r}, only {required!r} is supported: {reason}"
            )


def _check_aliases(config: Mapping[str, Any], place: str) -> None:
    """Refuse two names of a size with different values: which one applies would be arbitrary."""
    if config["model_type"] != "distilbert":
        return
    for alias, name in KEY_ALIASES.items():
        if alias in config and name in config and config[alias] != config[name]:
            raise InputError(
                f"{place}: {alias} is {config[alias]!r}, but {name} is {config[name]!r};"
                f" remove {alias}"
            )


def _check_sizes(config: Mapping[str, Any], place: str) -> None:
    names = ARCHITECTURES[config["model_type"]].config_keys
    width = _width_key(config)
    sizes = [width, names.layers, names.heads, names.neurons, "vocab_size"]
    # A missing key means the default of the family.
    sizes += [name for name in ("max_position_embeddings",) if name in config]
    for name in sizes:
        value = config.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"{place}: {name} is {value!r}, not a positive whole number")
    if config[width] % config[names.heads]:
        heads = config[names.heads]
        raise InputError(f"{place}: {width} {config[width]} is not a multiple of {heads} heads")


def _check_heads(config: Mapping[str, Any], place: str) -> None:
    """Check the heads that share keys and values, and the width of a head; null: the default."""
    names = ARCHITECTURES[config["model_type"]].config_keys
    heads = config[names.heads]
    shared = heads if names.key_value_heads is None else config.get(names.key_value_heads)
    if shared is not None and (not _is_valid(shared, COUNT) or heads % shared):
        raise InputError(f"{place}: {names.key_value_heads} is {shared!r}, no divisor of {heads}")
    size = config[_width_key(config)] // heads
    if names.head_size and config.get(names.head_size) not in (None, size):
        value = config[names.head_size]
        raise InputError(f"{place}: {names.head_size} is {value!r}, only {size} is supported")


def _check_activation(config: Mapping[str, Any], place: str) -> None:
    names = ARCHITECTURES[config["model_type"]]
    name = names.config_keys.activation
    if config.get(name, "gelu") not in ACTIVATION_FUNCTIONS:
        supported = ", ".join(ACTIVATION_FUNCTIONS)
        raise InputError(f"{place}: {name} {config[name]!r} is not one of: {supported}")
    name = names.config_keys.pooler_activation or ""
    required = names.classification_head.activation
    if name and config.get(name, required) != required:
        raise InputError(f"{place}: {name} is {config[name]!r}, only {required!r} is supported")


def _check_pooling(config: Mapping[str, Any], place: str) -> None:
    names = ARCHITECTURES[config["model_type"]].config_keys
    supported = list(names.poolings)
    if names.pooling and config.get(names.pooling, supported[0]) not in supported:
        value = config[names.pooling]
        raise InputError(
            f"{place}: {names.pooling} {value!r} is not one of: {', '.join(supported)}"
        )


def _check_architectures(names: object, place: str) -> None:
    valid = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if names is not None and not valid:
        raise InputError(f"{place}: architectures is {names!r}, not a list of names")


def _check_values(config: Mapping[str, Any], place: str) -> None:
    """Check the type and the range of every value that transformers receives."""
    segments = ARCHITECTURES[config["model_type"]].embeddings.segments
    for name, kind in EFFECTIVE_KEYS.items():
        if name == "type_vocab_size" and segments is None:
            continue  # 0 in some families without segments
        if name not in config or (config[name] is None and name in NULLABLE_KEYS):
            continue
        if not _is_valid(config[name], kind):
            raise InputError(f"{place}: {name} is {config[name]!r}, not {kind}")


def _is_valid(value: object, kind: str) -> bool:
    if kind == FLAG:
        return isinstance(value, bool)
    if kind == TEXT:
        return isinstance(value, str)
    if kind not in (COUNT, *_NUMBER_KINDS):
        return True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if kind == COUNT:
        return isinstance(value, int) and 0 < value < _COUNT_LIMIT
    if kind == POSITIVE and not value > 0:
        return False
    # False for NaN and infinity.
    return 0 <= value <= (1 if kind == RATE else _MAX_NUMBER)


def _check_padding(config: Mapping[str, Any], place: str) -> None:
    """Check that the padding id is a row of the token table and leaves positions for tokens."""
    names = ARCHITECTURES[config["model_type"]]
    rows = config["vocab_size"]
    value = config.get("pad_token_id", FAMILY_DEFAULTS[config["model_type"]]["pad_token_id"])
    if value is None and not names.embeddings.positions_from_padding:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < rows:
        raise InputError(f"{place}: pad_token_id is {value!r}, not an id below vocab_size {rows}")
    only = names.embeddings.padding_id
    if only is not None and value != only:
        family = config["model_type"]
        raise InputError(
            f"{place}: pad_token_id is {value!r}, only {only} is supported by {family}"
        )
    positions = config_size(config, "max_position_embeddings")
    if positions <= (value + 1 if names.embeddings.positions_from_padding else 0):
        raise InputError(f"{place}: max_position_embeddings is {positions}: no room for a token")
