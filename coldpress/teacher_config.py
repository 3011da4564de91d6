"""What a pretrained teacher's config.json must say before anything is trained on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from coldpress.architecture import ACTIVATIONS, ARCHITECTURES, FIRST_NORM
from coldpress.errors import InputError

_IGNORED_BY_THE_GRAPH = {
    # An exported graph attends both ways, to absolute positions, over one sequence.
    "is_decoder": False,
    "add_cross_attention": False,
    "position_embedding_type": "absolute",
    # Without it the family's first layer is built, and what it was trained with is not read.
    FIRST_NORM: False,
}


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
    for name, wanted in _IGNORED_BY_THE_GRAPH.items():
        if config.get(name, wanted) != wanted:
            raise InputError(f"{place}: {name} is {config[name]!r}, only {wanted!r} is supported")
    _check_sizes(config, place)
    _check_activation(config, place)
    _check_pooling(config, place)
    _check_places(config, place)
    _check_classes(config.get("architectures"), place)
    _check_labels(config.get("id2label"), place)


def _check_sizes(config: Mapping[str, Any], place: str) -> None:
    names = ARCHITECTURES[config["model_type"]]
    width = "dim" if "dim" in config else "hidden_size"
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
    if config.get(name, "gelu") not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise InputError(f"{place}: {name} {config[name]!r} is not one of: {known}")
    if head and config.get(head, wanted := names.pooler_activation) != wanted:
        raise InputError(f"{place}: {head} is {config[head]!r}, only {wanted!r} is supported")


def _check_pooling(config: Mapping[str, Any], place: str) -> None:
    name = ARCHITECTURES[config["model_type"]].config_pooling
    if name and config.get(name, "cls") not in ("cls", "mean"):
        raise InputError(f"{place}: {name} {config[name]!r} is not one of: cls, mean")


def _check_places(config: Mapping[str, Any], place: str) -> None:
    """Check what a family that turns queries and keys says of attention, layer by layer."""
    names = ARCHITECTURES[config["model_type"]]
    if names.rotary is None:
        return
    if config["hidden_size"] // config[names.config_heads] % 2:
        raise InputError(f"{place}: {names.config_heads} leaves heads of an odd size, not of pairs")
    for field in ("rope_scaling", "rope_parameters"):
        if set(_rope_types(config.get(field))) - {"default"}:
            raise InputError(f"{place}: {field} is not of the default type, the only supported one")
    kinds, layers = config.get(str(names.config_layer_types)), config[names.config_layers]
    known = {"full_attention", "sliding_attention"}
    if kinds is not None and not (
        isinstance(kinds, list) and len(kinds) == layers and set(map(str, kinds)) <= known
    ):
        wanted = " or ".join(sorted(known))
        raise InputError(f"{place}: {names.config_layer_types} are not {layers} times {wanted}")


def _rope_types(parameters: object) -> Iterator[object]:
    """Every type that is named in parameters of one kind of attention, or of several."""
    if isinstance(parameters, Mapping):
        for name, value in parameters.items():
            if name in ("rope_type", "type"):
                yield str(value)
            yield from _rope_types(value)


def _check_classes(names: object, place: str) -> None:
    known = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if names is not None and not known:
        raise InputError(f"{place}: architectures is {names!r}, not a list of names")


def _check_labels(labels: object, place: str) -> None:
    if labels is None:
        return
    wanted = {str(i) for i in range(len(labels))} if isinstance(labels, dict) else None
    if not isinstance(labels, dict) or set(labels) != wanted:
        raise InputError(f"{place}: id2label does not name the labels 0, 1, 2 and so on")
    if any(isinstance(name, dict | list) for name in labels.values()):
        raise InputError(f"{place}: id2label has a name that is no text")
