"""Fake quantization of a whole classifier for training, and conversion to integer modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from coldpress.model.activations import Activations, TeacherStudentLoss
from coldpress.model.classifier import Classifier
from coldpress.quantization.core.convert import replace_modules
from coldpress.quantization.core.trainable_modules import (
    FakeQuantizedEmbedding,
    FakeQuantizedLinear,
)

if TYPE_CHECKING:
    from coldpress.training.step import Loss


def insert_fake_quantization(
    classifier: Classifier,
    linear: Callable[[str, nn.Linear], FakeQuantizedLinear],
    table_bits: int,
) -> Classifier:
    """Replace a classifier's linear modules and tables by fake-quantized ones.

    Args:
        classifier: The source, not modified.
        linear: Builds the replacement of a linear module from its path and the module.
        table_bits: Bits of an embedding table entry.

    Returns:
        A classifier to be trained.
    """

    def table(path: str, weight: Tensor) -> FakeQuantizedEmbedding:
        source = cast("nn.Embedding", classifier.module.get_submodule(path))
        module = FakeQuantizedEmbedding(source, table_bits)
        module.weight = cast("nn.Parameter", weight)
        return module

    return replace_modules(classifier, linear, table)


def shared_inputs(classifier: Classifier) -> dict[str, str]:
    """Map modules that share an input to the first module that reads it.

    Args:
        classifier: Any classifier.

    Returns:
        The path of the queries by the paths of keys and values, and of `up` by the gate's path.
    """
    table = classifier.architecture
    first: dict[str, str] = {}
    for number in range(len(classifier.layers)):
        layer = f"{table.encoder}.{table.layers}.{number}"
        for roles in (table.attention.input_roles, table.up_roles):
            paths = [f"{layer}.{table.linears[role]}" for role in roles]
            first |= dict.fromkeys(paths[1:], paths[0])
    return first


def to_integers(classifier: Classifier) -> Classifier:
    """Convert fake-quantized modules to integer modules.

    Args:
        classifier: Returned by `insert_fake_quantization`; moved to the CPU, otherwise not changed.

    Returns:
        A classifier of integer modules with the same logits.
    """
    classifier.module.cpu().eval()

    def linear(_: str, source: nn.Linear) -> nn.Module:
        return cast("FakeQuantizedLinear", source).to_integers()

    def table(path: str, _: Tensor) -> nn.Module:
        return cast("FakeQuantizedEmbedding", classifier.module.get_submodule(path)).to_integers()

    return replace_modules(classifier, linear, table)


def add_hidden_state_loss(
    teacher: Classifier, loss: Loss, weight: float
) -> Loss | TeacherStudentLoss:
    """Add the difference of hidden states to a loss of logits.

    Args:
        teacher: With the same layers and width.
        loss: Of logits.
        weight: Of the added term; with 0 the loss is returned unchanged.

    Returns:
        A loss for the training loop. The added term is the sum over the embeddings and all layers
        of the mean squared difference at real tokens (Zhang et al. 2020, "TernaryBERT", equation
        6).
    """
    if not weight:
        return loss

    def add_difference(student: Activations, target: Activations, rows: Tensor) -> Tensor:
        pairs = zip(student.hidden_states, target.hidden_states, strict=True)
        errors = [_masked_mse(states, expected, student.token_mask) for states, expected in pairs]
        return loss(student.logits.float(), rows) + weight * torch.stack(errors).sum()

    return TeacherStudentLoss(teacher, add_difference)


def _masked_mse(states: Tensor, expected: Tensor, mask: Tensor) -> Tensor:
    """Mean squared difference at the tokens of a mask of shape (batch, tokens)."""
    return nn.functional.mse_loss(states[mask].float(), expected[mask].float())
