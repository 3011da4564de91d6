"""Self-attention relations (Wang et al. 2021, "MiniLMv2", section 3)."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from coldpress.model.activations import Activations, TeacherStudentLoss
from coldpress.model.classifier import Classifier

_MASKED_SCORE = -1e9
"""Score of padding: its probability is 0. Minus infinity would give NaN in the KL divergence."""


def relation_loss(student: Tensor, teacher: Tensor, heads: int, mask: Tensor) -> Tensor:
    """Compute the KL divergence of the self-attention relations of student and teacher.

    Args:
        student: Queries, keys or values, shape (batch, tokens, student features).
        teacher: The same of the teacher, shape (batch, tokens, teacher features).
        heads: Number of relation heads; it divides both numbers of features.
        mask: Shape (batch, tokens): false for padding.

    Returns:
        KL(R^T || R^S), averaged over relation heads and unpadded tokens.
    """
    log_student = _log_relation(student.float(), heads, mask)
    log_teacher = _log_relation(teacher.float(), heads, mask)
    # (batch, heads, tokens, tokens) -> (batch, heads, tokens)
    divergence = kl_div(log_student, log_teacher, reduction="none", log_target=True).sum(-1)
    return divergence[mask[:, None].expand_as(divergence)].mean()


def _log_relation(states: Tensor, heads: int, mask: Tensor) -> Tensor:
    """Return log R, R = softmax(A A^T / sqrt(d_r)): shape (batch, heads, tokens, tokens)."""
    split = states.view(*states.shape[:2], heads, -1).transpose(1, 2)
    scores = split @ split.mT / math.sqrt(split.shape[-1])
    return log_softmax(scores.masked_fill(~mask[:, None, None, :], _MASKED_SCORE), dim=-1)


def relations_loss(teacher: Classifier, layer: int, heads: int) -> TeacherStudentLoss:
    """Compare query-query, key-key and value-value relations of one layer.

    Args:
        teacher: May have any width and any number of heads.
        layer: The teacher's layer, counted from 0. It is compared with the student's last layer.
        heads: Number of relation heads.

    Returns:
        The sum of the three relation losses. The classification head is not trained.
    """

    def total(student: Activations, teacher: Activations, _: Tensor) -> Tensor:
        pairs = (
            (student.queries, teacher.queries),
            (student.keys, teacher.keys),
            (student.values, teacher.values),
        )
        query, key, value = (
            relation_loss(own[-1], target[layer], heads, student.token_mask)
            for own, target in pairs
        )
        return query + key + value

    return TeacherStudentLoss(teacher, total)
