"""What a pretrained teacher's config.json must say before anything is trained on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coldpress.errors import InputError
from coldpress.model.architecture import ACTIVATION_FUNCTIONS, ARCHITECTURES
from coldpress.teacher.config_keys import (
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
from coldpress.teacher.label_config import check_label_count, check_label_names, label_names
from coldpress.teacher.rotary_config import check_rotary_config

_COUNT_LIMIT = 2**31
_MAX_NUMBER = 1e30
_NUMBER_KINDS = (NUMBER, POSITIVE, RATE)


def check_config(config: Mapping[str, Any], place: str) -> None:
    """Check a teacher's family, sizes, activation and label names.

    Args:
        config: The content of config.json.
        place: How an error names the teacher.

    Raises:
        InputError: It could not be trained, or its graph would compute something else.
    """
    family = config.get("model_type")
    if family is None:
        raise InputError(f"{place} is no transformers model: config.json names no model_type")
    if not isinstance(family, str) or family not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise InputError(f"{place}: family {family!r} is not one of: {known}")
    _check_supported(config, place)
    _check_aliases(config, place)
    _check_sizes(config, place)
    _check_activation(config, place)
    _check_pooling(config, place)
    check_rotary_config(config, place)
    _check_architectures(config.get("architectures"), place)
    check_label_names(config, place)
    _check_values(config, place)
    _check_padding(config, place)
    check_label_count(config, place)


def config_size(config: Mapping[str, Any], name: str) -> int:
    """Read a size, or the family's own where it is left out.

    Args:
        config: The checked content of config.json.
        name: One of the keys in `config_fields.DEFAULTS`.

    Returns:
        The size.
    """
    return int(config.get(name, FAMILY_DEFAULTS[config["model_type"]][name]))


def config_width(config: Mapping[str, Any]) -> int:
    """Read the width of the residual stream.

    Args:
        config: The checked content of config.json.

    Returns:
        What most families call hidden_size.
    """
    return int(config[_width_key(config)])


def effective_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Choose what a teacher is built with.

    Args:
        config: The checked content of config.json.

    Returns:
        The keys that have an effect, whatever else the file sets; numbers as transformers
        expects them.
    """
    known = {name: config[name] for name in EFFECTIVE_KEYS if name in config}
    known = {k: v for k, v in known.items() if v is not None or k not in NULLABLE_KEYS}
    if config["model_type"] == "distilbert":
        known = {k: v for k, v in known.items() if KEY_ALIASES.get(k) not in known}
    names = label_names(config)
    known.pop("num_labels", None)
    numbers = {k: float(v) for k, v in known.items() if EFFECTIVE_KEYS[k] in _NUMBER_KINDS}
    return known | numbers | {"id2label": dict(enumerate(names))}


def _width_key(config: Mapping[str, Any]) -> str:
    # DistilBERT's own name for it; in another family's file it is nobody's.
    return "dim" if config["model_type"] == "distilbert" and "dim" in config else "hidden_size"


def _check_supported(config: Mapping[str, Any], place: str) -> None:
    for name, (wanted, why) in REQUIRED_VALUES.items():
        value = config.get(name, wanted)
        if wanted is None and value:
            raise InputError(f"{place}: {name} is set, which is not supported: {why}")
        if wanted is not None and value != wanted:
            raise InputError(f"{place}: {name} is {value!r}, only {wanted!r} is supported: {why}")


def _check_aliases(config: Mapping[str, Any], place: str) -> None:
    """Refuse two names of one size with two values: which one counts is a matter of order."""
    if config["model_type"] != "distilbert":
        return
    for other, own in KEY_ALIASES.items():
        if other in config and own in config and config[other] != config[own]:
            raise InputError(
                f"{place}: {other} is {config[other]!r}, but {own} is {config[own]!r};"
                f" remove {other}"
            )


def _check_sizes(config: Mapping[str, Any], place: str) -> None:
    names = ARCHITECTURES[config["model_type"]]
    width = _width_key(config)
    sizes = [width, names.config_layers, names.config_heads, names.config_neurons, "vocab_size"]
    # What is left out is as the family has it.
    sizes += [name for name in ("max_position_embeddings",) if name in config]
    for name in sizes:
        value = config.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"{place}: {name} is {value!r}, not a positive whole number")
    if config[width] % config[names.config_heads]:
        heads = config[names.config_heads]
        raise InputError(f"{place}: {heads} heads do not divide a {width} of {config[width]}")


def _check_activation(config: Mapping[str, Any], place: str) -> None:
    names = ARCHITECTURES[config["model_type"]]
    name, head = names.config_activation, names.config_pooler_activation
    if config.get(name, "gelu") not in ACTIVATION_FUNCTIONS:
        known = ", ".join(ACTIVATION_FUNCTIONS)
        raise InputError(f"{place}: {name} {config[name]!r} is not one of: {known}")
    if head and config.get(head, wanted := names.pooler_activation) != wanted:
        raise InputError(f"{place}: {head} is {config[head]!r}, only {wanted!r} is supported")


def _check_pooling(config: Mapping[str, Any], place: str) -> None:
    name = ARCHITECTURES[config["model_type"]].config_pooling
    if name and config.get(name, "cls") not in ("cls", "mean"):
        raise InputError(f"{place}: {name} {config[name]!r} is not one of: cls, mean")


def _check_architectures(names: object, place: str) -> None:
    known = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if names is not None and not known:
        raise InputError(f"{place}: architectures is {names!r}, not a list of names")


def _check_values(config: Mapping[str, Any], place: str) -> None:
    """Check that transformers can use every value that it is given."""
    for name, kind in EFFECTIVE_KEYS.items():
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
    # Of a value that is no number, or infinite, neither holds.
    return 0 <= value <= (1 if kind == RATE else _MAX_NUMBER)


def _check_padding(config: Mapping[str, Any], place: str) -> None:
    """Check the padding id: a row of the token table, from which RoBERTa counts its positions."""
    names = ARCHITECTURES[config["model_type"]]
    own, rows = FAMILY_DEFAULTS[config["model_type"]]["pad_token_id"], config["vocab_size"]
    value = config.get("pad_token_id", own)
    if value is None and not names.positions_from_padding:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < rows:
        raise InputError(f"{place}: pad_token_id is {value!r}, not an id below vocab_size {rows}")
    places = config_size(config, "max_position_embeddings")
    if places <= (value + 1 if names.positions_from_padding else 0):
        raise InputError(f"{place}: max_position_embeddings is {places}: no room for a token")
