"""Check a teacher's stored weights against its configuration, without loading the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coldpress.errors import InputError
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.components import OutputHead
from coldpress.model.weight_headers import (
    FLOAT_DTYPES,
    StoredTensor,
    check_finite,
    list_weight_files,
    read_headers,
)
from coldpress.teacher.weight_shapes import Shapes, encoder_shapes, head_shapes


def check_weights(directory: Path, config: Mapping[str, Any], place: str) -> None:
    """Check that every weight of the encoder exists, has the right shape, and is finite.

    Args:
        directory: The model's directory.
        config: The checked content of its config.json.
        place: The teacher's name in error messages.

    Raises:
        InputError: A weight is missing, has another shape or dtype, or holds a NaN or an infinity.
    """
    tensors = read_headers(directory, list_weight_files(directory, place), place)
    _check_depth(tensors, config, place)
    _check_shapes(tensors, encoder_shapes(config), config, place)
    check_finite(tensors, place)


def check_head(
    directory: Path, config: Mapping[str, Any], head: OutputHead, labels: int, place: str
) -> None:
    """Check that every weight of the output head exists and has the right shape.

    Args:
        directory: The model's directory.
        config: The checked content of its config.json.
        head: Paths of the head's modules.
        labels: Number of labels in the configuration.
        place: The teacher's name in error messages.

    Raises:
        InputError: A weight is missing, or has another shape or dtype.
    """
    tensors = read_headers(directory, list_weight_files(directory, place), place)
    _check_shapes(tensors, head_shapes(config, head, labels), config, place)


def has_head(directory: Path, head: OutputHead, place: str) -> bool:
    """Return whether a model's files contain the weight of the module that returns the logits.

    Args:
        directory: The model's directory.
        head: Paths of the head's modules.
        place: The teacher's name in error messages.

    Returns:
        True if they do.
    """
    return f"{head.output}.weight" in read_headers(
        directory, list_weight_files(directory, place), place
    )


def _check_shapes(
    tensors: Mapping[str, StoredTensor], shapes: Shapes, config: Mapping[str, Any], place: str
) -> None:
    prefix = f"{ARCHITECTURES[config['model_type']].encoder}."
    weights = {name: _find_tensor(tensors, name, prefix) for name in shapes}
    missing = [name for name, tensor in weights.items() if tensor is None]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(f"{place}: the weights lack {missing[0]}{more}, which config.json needs")
    for name, tensor in weights.items():
        if tensor is not None and tensor.dtype not in FLOAT_DTYPES:
            supported = ", ".join(FLOAT_DTYPES)
            raise InputError(
                f"{place}: {name} is stored as {tensor.dtype}, which is not one of: {supported}"
            )
        if tensor is not None and tensor.shape != shapes[name]:
            raise InputError(
                f"{place}: {name} has the shape {_format_shape(tensor.shape)}, but by config.json"
                f" it should be {_format_shape(shapes[name])}"
            )


def _find_tensor(
    tensors: Mapping[str, StoredTensor], name: str, prefix: str
) -> StoredTensor | None:
    """Find a weight as transformers does: also without the prefix and by its legacy name."""
    for candidate in (name, name.removeprefix(prefix)):
        for key in (candidate, _legacy_name(candidate)):
            if key in tensors:
                return tensors[key]
    return None


def _legacy_name(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
        "LayerNorm.bias", "LayerNorm.beta"
    )


def _check_depth(
    tensors: Mapping[str, StoredTensor], config: Mapping[str, Any], place: str
) -> None:
    """Refuse weights with another number of layers than the configuration."""
    names = ARCHITECTURES[config["model_type"]]
    depth = config[names.config_keys.layers]
    next_layer = (f"{names.encoder}.{names.layers}.{depth}.", f"{names.layers}.{depth}.")
    if any(name.startswith(next_layer) for name in tensors):
        raise InputError(
            f"{place}: the weights have more layers than {names.config_keys.layers} {depth}"
        )
    # Fewer tensors than layers: stop before listing the shapes of an absurd number of layers.
    if depth > len(tensors):
        raise InputError(
            f"{place}: the weights have fewer layers than {names.config_keys.layers} {depth}"
        )


def _format_shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
