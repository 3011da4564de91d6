"""The table of arithmetics."""

from __future__ import annotations

from torch import nn

from coldpress.errors import InputError
from coldpress.quantization.arithmetic.arithmetic import Arithmetic, Tensors
from coldpress.quantization.arithmetic.block_linear.arithmetic import BLOCK_LINEAR
from coldpress.quantization.arithmetic.float32.arithmetic import (
    FLOAT32_EMBEDDING,
    FLOAT32_LINEAR,
)
from coldpress.quantization.arithmetic.int8_embedding.arithmetic import INT8_EMBEDDING
from coldpress.quantization.arithmetic.int8_linear.arithmetic import INT8_LINEAR

ARITHMETICS: dict[type[nn.Module], Arithmetic] = {
    arithmetic.module: arithmetic
    for arithmetic in (
        FLOAT32_LINEAR,
        FLOAT32_EMBEDDING,
        INT8_LINEAR,
        INT8_EMBEDDING,
        BLOCK_LINEAR,
    )
}
"""Arithmetics by the type of their modules."""


def find_arithmetic(path: str, module: nn.Module) -> Arithmetic:
    """Find the arithmetic of a module.

    Args:
        path: Path of the module, for the message.
        module: A linear module or an embedding table.

    Returns:
        The entry for exactly the module's type.

    Raises:
        TypeError: There is none.
    """
    arithmetic = ARITHMETICS.get(type(module))
    if arithmetic is None:
        raise TypeError(f"{path}: no arithmetic is registered for {type(module).__name__}")
    return arithmetic


def recognise_arithmetic(path: str, replaces: type[nn.Module], tensors: Tensors) -> Arithmetic:
    """Find the arithmetic of a stored module by its tensors.

    Args:
        path: Path of the module, for the message.
        replaces: Type of the float32 module at its place.
        tensors: Its stored tensors.

    Returns:
        The only entry whose modules store such tensors.

    Raises:
        InputError: There is none, or more than one.
    """
    entries = [a for a in ARITHMETICS.values() if a.storage.recognises(replaces, tensors)]
    if len(entries) != 1:
        types = " and of ".join(a.module.__name__ for a in entries) or "no registered arithmetic"
        names = ", ".join(sorted(tensors))
        raise InputError(f"{path}: the stored tensors ({names}) are those of {types}")
    return entries[0]


def modules_with_weights(root: nn.Module) -> dict[str, nn.Module]:
    """Find linear modules and embedding tables.

    Args:
        root: A classifier's module.

    Returns:
        Modules by path, in the order of the model. Each must have an arithmetic.
    """
    return {
        path: module
        for path, module in root.named_modules()
        if hasattr(module, "in_features") or hasattr(module, "num_embeddings")
    }
