"""A classifier that is trained while it computes with rounded numbers, and what it settles to."""

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
    from coldpress.training.loop import Loss


def insert_fake_quantization(
    classifier: Classifier,
    linear: Callable[[str, nn.Linear], FakeQuantizedLinear],
    table_bits: int,
) -> Classifier:
    """Put modules that round into a classifier.

    Args:
        classifier: The source, left as it is.
        linear: From a path and the module there to what takes its place.
        table_bits: Of embedding tables.

    Returns:
        A classifier to be trained.
    """

    def table(path: str, weight: Tensor) -> FakeQuantizedEmbedding:
        source = cast("nn.Embedding", classifier.module.get_submodule(path))
        made = FakeQuantizedEmbedding(source, table_bits)
        made.weight = cast("nn.Parameter", weight)
        return made

    return replace_modules(classifier, linear, table)


def shared_inputs(classifier: Classifier) -> dict[str, str]:
    """Name, for modules that read one activation, the first of them.

    Args:
        classifier: Any classifier.

    Returns:
        From the paths of keys and values to the path of the queries, and from a gate's to up's.
    """
    table, first = classifier.architecture, {}
    for number in range(len(classifier.layers)):
        layer = f"{table.encoder}.{table.layers}.{number}"
        for role in (table.key, table.value):
            first[f"{layer}.{role}"] = f"{layer}.{table.query}"
        if table.gate:
            first[f"{layer}.{table.gate}"] = f"{layer}.{table.up}"
    return first


def to_integers(classifier: Classifier) -> Classifier:
    """Decide the integers that a trained classifier computes with.

    Args:
        classifier: As `learnable` returned it, left as it is but for where it lies.

    Returns:
        A classifier of integer modules, with the same answers.
    """
    classifier.module.cpu().eval()

    def linear(_: str, source: nn.Linear) -> nn.Module:
        return cast("FakeQuantizedLinear", source).settled()

    def table(path: str, _: Tensor) -> nn.Module:
        return cast("FakeQuantizedEmbedding", classifier.module.get_submodule(path)).settled()

    return replace_modules(classifier, linear, table)


def add_hidden_state_loss(
    teacher: Classifier, loss: Loss, weight: float
) -> Loss | TeacherStudentLoss:
    """Add what hidden states are apart to a loss of logits.

    Args:
        teacher: Of the same layers and width.
        loss: Of logits.
        weight: Of the added term; with 0 nothing is compared.

    Returns:
        What the optimisation loop minimises: the sum over the embeddings and all layers of the mean
        squared difference at real tokens (Zhang et al. 2020, "TernaryBERT", equation 6).
    """
    if not weight:
        return loss

    def compared(fitted: Activations, taught: Activations, rows: Tensor) -> Tensor:
        pairs = zip(fitted.hidden_states, taught.hidden_states, strict=True)
        apart = [_masked_mse(mine, theirs, fitted.token_mask) for mine, theirs in pairs]
        return loss(fitted.logits.float(), rows) + weight * torch.stack(apart).sum()

    return TeacherStudentLoss(teacher, compared)


def _masked_mse(mine: Tensor, theirs: Tensor, real: Tensor) -> Tensor:
    return nn.functional.mse_loss(mine[real].float(), theirs[real].float())
