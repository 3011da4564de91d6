"""Transformer distillation, layer by layer (Jiao et al. 2020, "TinyBERT", section 3.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from coldpress.model.activations import Activations, TeacherStudentLoss
from coldpress.model.classifier import Classifier
from coldpress.model.positions import apply_rotary


def layer_map(student_layers: int, teacher_layers: int) -> list[int]:
    """Say which of the teacher's layers each of the student's is compared with.

    Args:
        student_layers: M.
        teacher_layers: N.

    Returns:
        g(m) = floor(m * N / M) for m = 0 .. M: the uniform mapping of section 4.2. Number 0 are
        the embeddings, and the last layers meet.
    """
    return [m * teacher_layers // student_layers for m in range(student_layers + 1)]


def hidden_state_loss(
    student: Tensor, teacher: Tensor, real: Tensor, projection: nn.Module
) -> Tensor:
    """Mean squared error of hidden states or embeddings (eqs. 8 and 9).

    Args:
        student: H^S, shape (batch, tokens, student width).
        teacher: H^T, shape (batch, tokens, teacher width).
        real: Shape (batch, tokens): true where a token is no padding.
        projection: W, from the one width to the other.

    Returns:
        MSE(H^S W, H^T) over the real tokens.
    """
    return mse_loss(projection(student[real].float()), teacher[real].float())


def attention_loss(student: Tensor, teacher: Tensor, pairs: Tensor) -> Tensor:
    """Mean squared error of attention matrices before the softmax (eq. 7).

    Args:
        student: A^S, shape (batch, heads, tokens, tokens).
        teacher: A^T, the same shape.
        pairs: Shape (batch, tokens, tokens): true where a token attends to a token.

    Returns:
        1/h sum over heads of MSE(A^S, A^T), over these pairs.
    """
    of_heads = pairs[:, None].expand_as(student)
    return mse_loss(student[of_heads], teacher[of_heads])


def attended_pairs(states: Activations, layer: int) -> Tensor:
    """Say which real tokens a layer's softmax lets attend to which.

    Args:
        states: Of one forward pass.
        layer: Counted from 0.

    Returns:
        Shape (batch, tokens, tokens).
    """
    real, reach = states.token_mask, states.windows[layer]
    pairs = real[:, :, None] & real[:, None, :]
    if reach is None:
        return pairs
    places = torch.arange(real.shape[1], device=real.device)
    return pairs & ((places[:, None] - places).abs() <= reach)


def attention_scores(states: Activations, layer: int, head_size: int) -> Tensor:
    """What a layer's softmax is given.

    Args:
        states: Of one forward pass.
        layer: Counted from 0.
        head_size: Width of one head.

    Returns:
        QK^T / sqrt(head size), both turned by their places where the family turns them; shape
        (batch, heads, tokens, tokens).
    """
    queries, keys = (
        _split_heads(linear[layer], head_size) for linear in (states.queries, states.keys)
    )
    by = states.rotary[layer]
    if by is not None:
        queries, keys = apply_rotary(queries, by), apply_rotary(keys, by)
    return queries @ keys.mT / math.sqrt(head_size)


def _split_heads(states: Tensor, size: int) -> Tensor:
    """(batch, tokens, heads * head size) -> (batch, heads, tokens, head size)."""
    return states.float().view(*states.shape[:2], -1, size).transpose(1, 2)


def layerwise_loss(teacher: Classifier, student: Classifier) -> TeacherStudentLoss:
    """Compare embeddings, hidden states and attention matrices (eq. 11 with m up to M).

    Args:
        teacher: With as many heads in a layer as the student.
        student: Before anything is fitted.

    Returns:
        What the optimisation loop minimises; it leaves the classification head alone.
    """
    embedding, hidden = projections = nn.ModuleList(_projection(student, teacher) for _ in "eh")
    mapped = layer_map(len(student.layers), len(teacher.layers))
    size = teacher.head_size

    def compared(fitted: Activations, taught: Activations, _: Tensor) -> Tensor:
        total = hidden_state_loss(
            fitted.hidden_states[0], taught.hidden_states[0], fitted.token_mask, embedding
        )
        for m, g in enumerate(mapped[1:], 1):
            total = total + hidden_state_loss(
                fitted.hidden_states[m], taught.hidden_states[g], fitted.token_mask, hidden
            )
            scores = (attention_scores(fitted, m - 1, size), attention_scores(taught, g - 1, size))
            # Of layers that see differently far, the pairs that both see.
            pairs = attended_pairs(fitted, m - 1) & attended_pairs(taught, g - 1)
            total = total + attention_loss(*scores, pairs)
        return total

    return TeacherStudentLoss(teacher, compared, projections)


def _projection(student: Classifier, teacher: Classifier) -> nn.Module:
    """W of eqs. 8 and 9; states of equal width are compared as they are."""
    widths = (int(student.config.hidden_size), int(teacher.config.hidden_size))
    return nn.Identity() if widths[0] == widths[1] else nn.Linear(*widths, bias=False)
