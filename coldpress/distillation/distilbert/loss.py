"""The cosine term of DistilBERT's triple loss (Sanh et al. 2019, section 2)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cosine_similarity

from coldpress.model.activations import Activations, TeacherStudentLoss
from coldpress.model.classifier import Classifier
from coldpress.training.step import Loss


def cosine_loss(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Compute the cosine distance of hidden states.

    Args:
        student: Shape (batch, tokens, width).
        teacher: The same shape.
        mask: Shape (batch, tokens): false for padding.

    Returns:
        1 - cos(student, teacher), averaged over the unpadded tokens: 0 to 2.
    """
    return 1 - cosine_similarity(student[mask].float(), teacher[mask].float(), dim=-1).mean()


def add_cosine_loss(teacher: Classifier, loss: Loss, weight: float) -> TeacherStudentLoss:
    """Add the cosine distance of the last hidden states to a loss of the logits.

    Args:
        teacher: Must be as wide as the student.
        loss: The loss of the logits: soft targets and labels.
        weight: Weight of the cosine distance.

    Returns:
        The sum of the two terms.
    """

    def triple_loss(student: Activations, teacher: Activations, rows: Tensor) -> Tensor:
        distance = cosine_loss(
            student.hidden_states[-1], teacher.hidden_states[-1], student.token_mask
        )
        return loss(student.logits.float(), rows) + weight * distance

    return TeacherStudentLoss(teacher, triple_loss)
