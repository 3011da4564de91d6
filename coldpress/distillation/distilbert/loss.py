"""The cosine term of DistilBERT's triple loss (Sanh et al. 2019, section 2)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cosine_similarity

from coldpress.model.activations import Activations, TeacherStudentLoss
from coldpress.model.classifier import Classifier
from coldpress.training.loop import Loss


def cosine_loss(student: Tensor, teacher: Tensor, real: Tensor) -> Tensor:
    """How far the directions of hidden states are apart.

    Args:
        student: Shape (batch, tokens, width).
        teacher: The same shape.
        real: Shape (batch, tokens): true where a token is no padding.

    Returns:
        1 - cos(student, teacher), averaged over the real tokens: 0 to 2.
    """
    return 1 - cosine_similarity(student[real].float(), teacher[real].float(), dim=-1).mean()


def add_cosine_loss(teacher: Classifier, loss: Loss, weight: float) -> TeacherStudentLoss:
    """Add the directions of the last layer's hidden states to a loss of logits.

    Args:
        teacher: Of the student's width.
        loss: Soft targets and labels.
        weight: Of the added term.

    Returns:
        What the optimisation loop minimises.
    """

    def compared(student: Activations, taught: Activations, rows: Tensor) -> Tensor:
        directions = cosine_loss(
            student.hidden_states[-1], taught.hidden_states[-1], student.token_mask
        )
        return loss(student.logits.float(), rows) + weight * directions

    return TeacherStudentLoss(teacher, compared)
