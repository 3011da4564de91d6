"""Quantized checkpoints: integers, scales and activation ranges by module path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import build_skeleton, save_description, save_state
from coldpress.quantization.core.blocks import BlockLinear, pack_blocks, unpack_blocks
from coldpress.quantization.core.convert import mark_first_token, modules_of_type
from coldpress.quantization.core.modules import QuantizedEmbedding, QuantizedLinear
from coldpress.quantization.core.packing import BYTE_BITS, pack, unpack

WEIGHTS_FILE = "model.safetensors"


def save_quantized(classifier: Classifier, directory: Path) -> None:
    """Write integers, scales, configuration and tokenizer into a new checkpoint.

    Args:
        classifier: Returned by a method's `quantize`.
        directory: Yielded by `checkpoint.new_checkpoint`.
    """
    save_state(packed_state(classifier), directory)
    save_description(classifier, directory)


def packed_state(classifier: Classifier) -> dict[str, Tensor]:
    """Return the state of a quantized classifier in its on-disk form.

    Args:
        classifier: Returned by a method's `quantize`.

    Returns:
        Tensors by name. Weights of fewer than 8 bits are packed as uint8 of shape (bits, bytes),
        blockwise weights as uint8 of shape (out, blocks, bytes per block).
    """
    state = classifier.module.state_dict()
    for path, module in classifier.module.named_modules():
        if (packed := _packed_weight(module)) is not None:
            state[f"{path}.weight"] = torch.from_numpy(packed)
    return state


def _packed_weight(module: nn.Module) -> NDArray[np.uint8] | None:
    """Return a module's weight in its packed on-disk form; None if it is stored as is."""
    if isinstance(module, BlockLinear):
        return pack_blocks(module)
    if isinstance(module, QuantizedLinear | QuantizedEmbedding) and module.bits < BYTE_BITS:
        return pack(module.weight.numpy(), module.bits)
    return None


def load_quantized(checkpoint: Checkpoint) -> Classifier:
    """Load a quantized classifier.

    Args:
        checkpoint: Written by `save_quantized`.

    Returns:
        The classifier in evaluation mode, with the logits it had before.
    """
    classifier = build_skeleton(checkpoint)
    state = load_file(checkpoint.path / WEIGHTS_FILE)
    for path, linear in modules_of_type(classifier, nn.Linear).items():
        classifier.module.set_submodule(path, _empty_linear(state, path, linear))
    for path, table in modules_of_type(classifier, nn.Embedding).items():
        bits = _unpack_weight(state, f"{path}.weight", table.weight.shape)
        classifier.module.set_submodule(path, QuantizedEmbedding(*table.weight.shape, bits=bits))
    mark_first_token(classifier)
    classifier.module.load_state_dict(state)
    return classifier


def _empty_linear(state: dict[str, Tensor], path: str, linear: nn.Linear) -> nn.Module:
    """Build the module that fits the state's tensors, and unpack its weight in the state."""
    name = f"{path}.weight"
    shape = linear.weight.shape
    if f"{path}.block_size" in state:
        bits = int(state[f"{path}.bits"])
        state[name] = unpack_blocks(state[name].numpy(), bits, shape[1])
        return BlockLinear(*shape, blocks=state[f"{path}.scale"].shape[1])
    return QuantizedLinear(
        *shape,
        calibrated=f"{path}.activation_scale" in state,
        smoothed=f"{path}.input_scale" in state,
        elastic=f"{path}.activation_shift" in state,
        bits=_unpack_weight(state, name, shape),
    )


def _unpack_weight(state: dict[str, Tensor], name: str, shape: Sequence[int]) -> int:
    """Unpack a weight in place and return its number of bits."""
    packed = state[name].numpy()
    if packed.dtype != np.uint8:
        return BYTE_BITS
    state[name] = torch.from_numpy(unpack(packed, tuple(shape)))
    return len(packed)


def is_quantized(checkpoint: Checkpoint) -> bool:
    """Return whether a checkpoint holds integer weights; only the file's header is read.

    Args:
        checkpoint: Any checkpoint with `model.safetensors`.

    Returns:
        True if it was written by `save_quantized`.
    """
    with safe_open(checkpoint.path / WEIGHTS_FILE, framework="numpy") as file:
        return any(name.endswith(".scale") for name in file.keys())  # noqa: SIM118
