"""What the configuration of a family that rotates queries and keys must say of attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from coldpress.errors import InputError
from coldpress.model.architecture import ARCHITECTURES

_MAX_THETA = 1e30
_ATTENTION_TYPES = ("full_attention", "sliding_attention")


def check_rotary_config(config: Mapping[str, Any], place: str) -> None:
    """Check the sizes of heads, the rotations and the kinds of attention, layer by layer.

    Args:
        config: The content of config.json, its family and sizes checked.
        place: How an error names the teacher.

    Raises:
        InputError: transformers cannot build it, or its graph would compute something else.
    """
    names = ARCHITECTURES[config["model_type"]]
    if names.rotary is None:
        return
    if config["hidden_size"] // config[names.config_heads] % 2:
        raise InputError(f"{place}: {names.config_heads} leaves heads of an odd size, not of pairs")
    _check_rope_values("rope_scaling", config.get("rope_scaling"), place)
    _check_rope_parameters(config.get("rope_parameters"), place)
    kinds, layers = config.get(str(names.config_layer_types)), config[names.config_layers]
    if kinds is not None and not (
        isinstance(kinds, list)
        and len(kinds) == layers
        and all(kind in _ATTENTION_TYPES for kind in kinds)
    ):
        wanted = " or ".join(_ATTENTION_TYPES)
        raise InputError(f"{place}: {names.config_layer_types} are not {layers} times {wanted}")


def _check_rope_parameters(parameters: object, place: str) -> None:
    """Check parameters by kind of attention; kinds that are left out are as the family has them."""
    if parameters is None:
        return
    if not isinstance(parameters, dict) or not all(kind in _ATTENTION_TYPES for kind in parameters):
        wanted = " and ".join(_ATTENTION_TYPES)
        raise InputError(f"{place}: rope_parameters is not a mapping from {wanted}")
    for one in parameters.values():
        _check_rope_values("rope_parameters", one, place)


def _check_rope_values(field: str, parameters: object, place: str) -> None:
    if parameters is None:
        return
    if not isinstance(parameters, dict):
        raise InputError(f"{place}: {field} is {parameters!r}, not a mapping")
    if set(_rope_types(parameters)) - {"default"}:
        raise InputError(f"{place}: {field} is not of the default type, the only supported one")
    theta = parameters.get("rope_theta", 1.0)
    number = isinstance(theta, int | float) and not isinstance(theta, bool)
    if not number or not 0 < theta <= _MAX_THETA:
        raise InputError(f"{place}: rope_theta in {field} is {theta!r}, not a positive number")


def _rope_types(parameters: Mapping[str, Any]) -> Iterator[str]:
    for name in ("rope_type", "type"):
        if name in parameters:
            yield str(parameters[name])
