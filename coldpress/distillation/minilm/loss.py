"""Self-attention relations (Wang et al. 2021, "MiniLMv2", section 3)."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from coldpress.model.activations import Activations, TeacherStudentLoss
from coldpress.model.classifier import Classifier

_MASKED_SCORE = -1e9
"""Score of a padded token: no probability, and no infinity to subtract from itself."""


def relation_loss(student: Tensor, teacher: Tensor, heads: int, real: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the student's self-relation from the teacher's.

    Args:
        student: Queries, keys or values, shape (batch, tokens, student features).
        teacher: The same of the teacher, shape (batch, tokens, teacher features).
        heads: Relation heads, which both numbers of features are cut into.
        real: Shape (batch, tokens): true where a token is no padding.

    Returns:
        KL(R^T || R^S), averaged over relation heads and real tokens.
    """
    own, taught = (_log_relation(states.float(), heads, real) for states in (student, teacher))
    # (batch, heads, tokens, tokens) -> (batch, heads, tokens)
    each = kl_div(own, taught, reduction="none", log_target=True).sum(-1)
    return each[real[:, None].expand_as(each)].mean()


def _log_relation(states: Tensor, heads: int, real: Tensor) -> Tensor:
    """Return log R, R = softmax(A A^T / sqrt(d_r)): shape (batch, heads, tokens, tokens)."""
    split = states.view(*states.shape[:2], heads, -1).transpose(1, 2)
    scores = split @ split.mT / math.sqrt(split.shape[-1])
    return log_softmax(scores.masked_fill(~real[:, None, None, :], _MASKED_SCORE), dim=-1)


def relations_loss(teacher: Classifier, layer: int, heads: int) -> TeacherStudentLoss:
    """Compare query-query, key-key and value-value relations of one layer.

    Args:
        teacher: Of any width and with any number of heads.
        layer: The teacher's, counted from 0; of the student it is the last.
        heads: Relation heads.

    Returns:
        The sum of the three; it leaves the classification head alone.
    """

    def compared(fitted: Activations, taught: Activations, _: Tensor) -> Tensor:
        pairs = (
            (fitted.queries, taught.queries),
            (fitted.keys, taught.keys),
            (fitted.values, taught.values),
        )
        query, key, value = (
            relation_loss(own[-1], theirs[layer], heads, fitted.token_mask) for own, theirs in pairs
        )
        return query + key + value

    return TeacherStudentLoss(teacher, compared)
