"""Losses of kinds whose outputs are the logits of classes of which one applies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor


def cross_entropy(outputs: Tensor, classes: Tensor, reduction: Literal["mean", "sum"]) -> Tensor:
    """Compute the cross-entropy.

    Args:
        outputs: Logits, shape (batch, classes).
        classes: Class indices, shape (batch,).
        reduction: Over the batch.

    Returns:
        A scalar.
    """
    from torch.nn import functional

    return functional.cross_entropy(outputs, classes, reduction=reduction)


def softened_divergence(outputs: Tensor, teacher_outputs: Tensor, temperature: float) -> Tensor:
    """Compute the KL divergence of the softened distributions of student and teacher.

    Hinton, Vinyals & Dean (2015), "Distilling the Knowledge in a Neural Network", section 2.

    Args:
        outputs: The student's z, shape (batch, classes).
        teacher_outputs: The teacher's v, shape (batch, classes).
        temperature: T in q_i = exp(z_i / T) / sum_j exp(z_j / T) (eq. 1).

    Returns:
        T^2 * KL(p || q), averaged over the batch. The gradients of the softened term scale as
        1 / T^2 (eqs. 2-4); the factor T^2 makes its weight independent of T.
    """
    from torch.nn.functional import kl_div, log_softmax

    student = log_softmax(outputs / temperature, dim=-1)
    teacher = log_softmax(teacher_outputs / temperature, dim=-1)
    return temperature**2 * kl_div(student, teacher, reduction="batchmean", log_target=True)
