"""Checkpoints whose modules have any arithmetic, by module path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.fused_linears import unfuse_state_dict
from coldpress.model.serialization import build_skeleton, save_description, save_state
from coldpress.quantization.arithmetic.table import (
    find_arithmetic,
    modules_with_weights,
    recognise_arithmetic,
)
from coldpress.quantization.core.convert import mark_first_token

WEIGHTS_FILE = "model.safetensors"


def save_quantized(classifier: Classifier, directory: Path) -> None:
    """Write integers, scales, configuration and tokenizer into a new checkpoint.

    Args:
        classifier: Returned by a method's `quantize`.
        directory: Yielded by `checkpoint.new_checkpoint`.

    Raises:
        TypeError: A module's type has no arithmetic in the table.
        InputError: The checkpoint could not be loaded, since arithmetics store the same tensors.
    """
    state = packed_state(classifier)
    _check_recognised(classifier, state)
    save_state(state, directory)
    save_description(classifier, directory)


def packed_state(classifier: Classifier) -> dict[str, Tensor]:
    """Return the state of a classifier in its on-disk form.

    Args:
        classifier: In float32 or quantized.

    Returns:
        Tensors by name. Weights are packed as their arithmetic packs them.

    Raises:
        TypeError: A module's type has no arithmetic in the table.
    """
    state = classifier.module.state_dict()
    for path, module in modules_with_weights(classifier.module).items():
        state[f"{path}.weight"] = find_arithmetic(path, module).storage.pack(module)
    return state


def _check_recognised(classifier: Classifier, state: Mapping[str, Tensor]) -> None:
    """Check that each module's arithmetic can be told from the tensors that are to be stored."""
    tensors = _tensors_by_module(state)
    for path, module in modules_with_weights(classifier.module).items():
        replaces = find_arithmetic(path, module).storage.replaces
        recognise_arithmetic(path, replaces, tensors[path])


def load_any_precision(checkpoint: Checkpoint) -> Classifier:
    """Load a classifier in float32 or with any arithmetics of the table.

    Args:
        checkpoint: Written by `save_quantized` or `serialization.save_classifier`.

    Returns:
        The classifier in evaluation mode, with the logits it had before.

    Raises:
        InputError: A module's tensors are not those of exactly one arithmetic.
    """
    classifier = build_skeleton(checkpoint)
    state = unfuse_state_dict(classifier.module, load_file(checkpoint.path / WEIGHTS_FILE))
    tensors = _tensors_by_module(state)
    for path, source in modules_with_weights(classifier.module).items():
        storage = recognise_arithmetic(path, type(source), tensors[path]).storage
        shape = source.get_parameter("weight").shape
        classifier.module.set_submodule(path, storage.build(source, tensors[path]))
        state[f"{path}.weight"] = storage.unpack(tensors[path], shape)
    mark_first_token(classifier)
    classifier.module.load_state_dict(state)
    return classifier


def _tensors_by_module(state: Mapping[str, Tensor]) -> defaultdict[str, dict[str, Tensor]]:
    """Group tensors by the path of their module."""
    tensors = defaultdict[str, dict[str, Tensor]](dict)
    for name, tensor in state.items():
        path, _, kind = name.rpartition(".")
        tensors[path][kind] = tensor
    return tensors
