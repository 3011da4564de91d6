"""The distillation loss of Hinton, Vinyals & Dean (2015), section 2."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from coldpress.training.loop import Loss


def soft_target_loss(logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Compute the KL divergence of the softened distributions of student and teacher.

    Args:
        logits: The student's z, shape (batch, labels).
        teacher_logits: The teacher's v, shape (batch, labels).
        temperature: T in q_i = exp(z_i / T) / sum_j exp(z_j / T) (eq. 1).

    Returns:
        T^2 * KL(p || q), averaged over the batch. The gradients of the softened term scale as
        1 / T^2 (eqs. 2-4); the factor T^2 makes its weight independent of T.
    """
    student = log_softmax(logits / temperature, dim=-1)
    teacher = log_softmax(teacher_logits / temperature, dim=-1)
    return temperature**2 * kl_div(student, teacher, reduction="batchmean", log_target=True)


def soft_and_hard_loss(
    teacher_logits: Tensor, labels: Tensor, temperature: float, alpha: float
) -> Loss:
    """Mix the losses of soft targets and of labels.

    Args:
        teacher_logits: Shape (rows, labels), float32.
        labels: Class indices, shape (labelled rows,); rows beyond these have no label.
        temperature: See `soft_target_loss`.
        alpha: Weight of the soft term.

    Returns:
        The loss of a batch, given its logits and row numbers.
    """

    def loss(logits: Tensor, rows: Tensor) -> Tensor:
        soft = soft_target_loss(logits, teacher_logits[rows].to(logits.device), temperature)
        labelled = rows < len(labels)
        if not bool(labelled.any()):
            return alpha * soft
        true = labels[rows[labelled]].to(logits.device)
        hard = cross_entropy(logits[labelled], true, reduction="sum") / len(rows)
        return alpha * soft + (1 - alpha) * hard

    return loss
