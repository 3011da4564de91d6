"""Check the rotary embeddings and attention types in a teacher's configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from coldpress.errors import InputError
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.attention import RotaryAttention

_MAX_THETA = 1e30
_ROPE_KEYS = {"rope_type", "type", "rope_theta"}
_ATTENTION_TYPES = ("full_attention", "sliding_attention")


def check_rotary_config(config: Mapping[str, Any], place: str) -> None:
    """Check head size, rotary parameters and attention types; other families always pass.

    Args:
        config: The content of config.json; its family and sizes have been checked.
        place: The teacher's name in error messages.

    Raises:
        InputError: transformers cannot build the model, or its exported graph would be wrong.
    """
    attention = ARCHITECTURES[config["model_type"]].attention
    names = ARCHITECTURES[config["model_type"]].config_keys
    if not isinstance(attention, RotaryAttention):
        return
    if config["hidden_size"] // config[names.heads] % 2:
        raise InputError(f"{place}: {names.heads} makes the head size odd; it must be even")
    _check_rope_values("rope_scaling", config.get("rope_scaling"), place)
    if attention.layer_types is None:
        _check_single_rope(config, place)
    else:
        _check_rope_parameters(config.get("rope_parameters"), place)
        _check_layer_types(attention.layer_types, config, place)


def _check_layer_types(name: str, config: Mapping[str, Any], place: str) -> None:
    types = config.get(name)
    layers = config[ARCHITECTURES[config["model_type"]].config_keys.layers]
    if types is not None and not (
        isinstance(types, list)
        and len(types) == layers
        and all(name in _ATTENTION_TYPES for name in types)
    ):
        supported = " or ".join(_ATTENTION_TYPES)
        raise InputError(f"{place}: {name} is not {layers} times {supported}")


def _check_single_rope(config: Mapping[str, Any], place: str) -> None:
    """Check the parameters of a family whose layers have the same, and their older names."""
    parameters = config.get("rope_parameters")
    _check_rope_values("rope_parameters", parameters, place)
    for name in ("rope_parameters", "rope_scaling"):
        if others := set(config.get(name) or {}) - _ROPE_KEYS:
            raise InputError(f"{place}: {min(others)} in {name} is not supported")
    _check_theta("rope_theta", config.get("rope_theta", 1.0), place)
    for name in ("layer_types", "sliding_window"):
        if config.get(name):
            reason = "every layer of the family sees all tokens"
            raise InputError(f"{place}: {name} is set, which is not supported: {reason}")


def _check_rope_parameters(parameters: object, place: str) -> None:
    """Check the parameters of each attention type; missing types have the family's defaults."""
    if parameters is None:
        return
    if not isinstance(parameters, dict) or not all(name in _ATTENTION_TYPES for name in parameters):
        supported = " and ".join(_ATTENTION_TYPES)
        raise InputError(f"{place}: rope_parameters is not a mapping from {supported}")
    for values in parameters.values():
        _check_rope_values("rope_parameters", values, place)


def _check_rope_values(field: str, parameters: object, place: str) -> None:
    if parameters is None:
        return
    if not isinstance(parameters, dict):
        raise InputError(f"{place}: {field} is {parameters!r}, not a mapping")
    if set(_rope_types(parameters)) - {"default"}:
        raise InputError(f"{place}: {field} is not of the default type, the only supported one")
    _check_theta(f"rope_theta in {field}", parameters.get("rope_theta", 1.0), place)


def _check_theta(name: str, theta: Any, place: str) -> None:  # noqa: ANN401
    number = isinstance(theta, int | float) and not isinstance(theta, bool)
    if not number or not 0 < theta <= _MAX_THETA:
        raise InputError(f"{place}: {name} is {theta!r}, not a positive number")


def _rope_types(parameters: Mapping[str, Any]) -> Iterator[str]:
    for name in ("rope_type", "type"):
        if name in parameters:
            yield str(parameters[name])
