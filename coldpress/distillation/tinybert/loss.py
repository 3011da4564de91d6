"""Transformer distillation, layer by layer (Jiao et al. 2020, "TinyBERT", section 3.1)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import mse_loss

from coldpress.model.activations import Activations, TeacherStudentLoss
from coldpress.model.classifier import Classifier


def layer_map(student_layers: int, teacher_layers: int) -> list[int]:
    """Map the student's layers to the teacher's.

    Args:
        student_layers: M.
        teacher_layers: N.

    Returns:
        g(m) = floor(m * N / M) for m = 0 .. M: the uniform mapping of section 4.2. Number 0 is the
        embeddings; the last layers are mapped to each other.
    """
    return [m * teacher_layers // student_layers for m in range(student_layers + 1)]


def hidden_state_loss(
    student: Tensor, teacher: Tensor, mask: Tensor, projection: nn.Module
) -> Tensor:
    """Mean squared error of hidden states or embeddings (eqs. 8 and 9).

    Args:
        student: H^S, shape (batch, tokens, student width).
        teacher: H^T, shape (batch, tokens, teacher width).
        mask: Shape (batch, tokens): false for padding.
        projection: W, from the student's width to the teacher's.

    Returns:
        MSE(H^S W, H^T) over the unpadded tokens.
    """
    return mse_loss(projection(student[mask].float()), teacher[mask].float())


def attention_loss(student: Tensor, teacher: Tensor, pairs: Tensor) -> Tensor:
    """Mean squared error of attention matrices before the softmax (eq. 7).

    Args:
        student: A^S, shape (batch, heads, tokens, tokens).
        teacher: A^T, the same shape.
        pairs: Shape (batch, tokens, tokens): true where a token attends to another.

    Returns:
        1/h sum over heads of MSE(A^S, A^T), over these pairs.
    """
    pairs_by_head = pairs[:, None].expand_as(student)
    return mse_loss(student[pairs_by_head], teacher[pairs_by_head])


def layerwise_loss(teacher: Classifier, student: Classifier) -> TeacherStudentLoss:
    """Compare embeddings, hidden states and attention matrices (eq. 11 with m up to M).

    Args:
        teacher: Must have as many heads in a layer as the student.
        student: The untrained student.

    Returns:
        The sum of all terms. The classification head is not trained.
    """
    embedding, hidden = projections = nn.ModuleList(_projection(student, teacher) for _ in "eh")
    layers = layer_map(len(student.layers), len(teacher.layers))

    def total_loss(own: Activations, target: Activations, _: Tensor) -> Tensor:
        mask = own.token_mask
        total = hidden_state_loss(own.hidden_states[0], target.hidden_states[0], mask, embedding)
        for m, g in enumerate(layers[1:], 1):
            total = total + hidden_state_loss(
                own.hidden_states[m], target.hidden_states[g], mask, hidden
            )
            own_scores, own_pairs = _attention(student, own, m - 1)
            target_scores, target_pairs = _attention(teacher, target, g - 1)
            # The two layers may have different attention windows.
            total = total + attention_loss(own_scores, target_scores, own_pairs & target_pairs)
        return total

    return TeacherStudentLoss(teacher, total_loss, projections)


def _attention(classifier: Classifier, states: Activations, layer: int) -> tuple[Tensor, Tensor]:
    """Return scores before the softmax, by head, and the pairs of tokens that attend."""
    attention = classifier.architecture.attention
    scores = attention.scores(classifier, states, layer)
    return scores, attention.attended_pairs(classifier, states, layer)


def _projection(student: Classifier, teacher: Classifier) -> nn.Module:
    """W of eqs. 8 and 9; states of the same width are compared directly."""
    widths = (int(student.config.hidden_size), int(teacher.config.hidden_size))
    return nn.Identity() if widths[0] == widths[1] else nn.Linear(*widths, bias=False)
