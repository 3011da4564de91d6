"""The distillation loss of Hinton, Vinyals & Dean (2015), section 2."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from coldpress.kinds.grouped import GroupedKind, training_samples
from coldpress.kinds.kind import TaskKind
from coldpress.training.step import Loss


@dataclass(frozen=True)
class TargetMixture:
    """Soft and hard targets of the same units.

    Attributes:
        kind: Its losses are used: for classification, the KL divergence of softened distributions
            and the cross-entropy.
        soft: The teacher's outputs, shape (rows, outputs), float32 or float16.
        hard: Targets, shape (labelled units, ...); units beyond these have no target.
        places: The row of each unit in `soft`, shape (units,); None if row n is that of unit n.
            Only the rows of a batch are read, so that a mapped file need not be in memory.
    """

    kind: TaskKind
    soft: Tensor
    hard: Tensor
    places: Tensor | None = None

    def soft_loss(self, outputs: Tensor, units: Tensor, temperature: float) -> Tensor:
        """Compute the loss of a batch against the teacher's outputs.

        Args:
            outputs: Shape (batch, outputs).
            units: Unit numbers, shape (batch,), on the CPU.
            temperature: See `TaskKind.soft_loss`.
        """
        places = units if self.places is None else self.places[units]
        teacher = self.soft[places].float().to(outputs.device)
        if isinstance(self.kind, GroupedKind):
            samples = self._samples[units].to(outputs.device)
            return self.kind.grouped_soft_loss(outputs, teacher, samples)
        return self.kind.soft_loss(outputs, teacher, temperature)

    @cached_property
    def _samples(self) -> Tensor:
        units = len(self.soft if self.places is None else self.places)
        numbers = training_samples(self.kind, self.hard.numpy(), units)
        return torch.from_numpy(numbers)


def soft_and_hard_loss(targets: TargetMixture, temperature: float, alpha: float) -> Loss:
    """Mix the losses of soft and hard targets.

    Args:
        targets: Of the training rows.
        temperature: T of the paper's eq. 1, see `TaskKind.soft_loss`.
        alpha: Weight of the soft term.

    Returns:
        The loss of a batch, given its outputs and unit numbers.
    """
    kind = targets.kind
    hard_targets = targets.hard

    def loss(outputs: Tensor, units: Tensor) -> Tensor:
        soft = targets.soft_loss(outputs, units, temperature)
        labelled = units < len(hard_targets)
        if not bool(labelled.any()):
            return alpha * soft
        true = hard_targets[units[labelled]].to(outputs.device)
        hard = kind.hard_loss(outputs[labelled], true, reduction="sum") / len(units)
        return alpha * soft + (1 - alpha) * hard

    return loss
