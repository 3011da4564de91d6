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


def attended_pairs(states: Activations, layer: int) -> Tensor:
    """Return the pairs of unpadded tokens that attend to each other in a layer.

    Args:
        states: Of one forward pass.
        layer: Counted from 0.

    Returns:
        Booleans of shape (batch, tokens, tokens).
    """
    mask = states.token_mask
    pairs = mask[:, :, None] & mask[:, None, :]
    window = states.windows[layer]
    if window is None:
        return pairs
    positions = torch.arange(mask.shape[1], device=mask.device)
    return pairs & ((positions[:, None] - positions).abs() <= window)


def attention_scores(states: Activations, layer: int, head_size: int) -> Tensor:
    """Compute the attention scores of a layer before the softmax.

    Args:
        states: Of one forward pass.
        layer: Counted from 0.
        head_size: Width of one head.

    Returns:
        QK^T / sqrt(head size), with rotary position embeddings where the model has them; shape
        (batch, heads, tokens, tokens).
    """
    queries = _split_heads(states.queries[layer], head_size)
    keys = _split_heads(states.keys[layer], head_size)
    rotation = states.rotary[layer]
    if rotation is not None:
        queries = apply_rotary(queries, rotation)
        keys = apply_rotary(keys, rotation)
    return queries @ keys.mT / math.sqrt(head_size)


def _split_heads(states: Tensor, size: int) -> Tensor:
    """(batch, tokens, heads * head size) -> (batch, heads, tokens, head size)."""
    return states.float().view(*states.shape[:2], -1, size).transpose(1, 2)


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
    size = teacher.head_size

    def total_loss(student: Activations, teacher: Activations, _: Tensor) -> Tensor:
        mask = student.token_mask
        total = hidden_state_loss(
            student.hidden_states[0], teacher.hidden_states[0], mask, embedding
        )
        for m, g in enumerate(layers[1:], 1):
            total = total + hidden_state_loss(
                student.hidden_states[m], teacher.hidden_states[g], mask, hidden
            )
            own_scores = attention_scores(student, m - 1, size)
            target_scores = attention_scores(teacher, g - 1, size)
            # The two layers may have different attention windows.
            pairs = attended_pairs(student, m - 1) & attended_pairs(teacher, g - 1)
            total = total + attention_loss(own_scores, target_scores, pairs)
        return total

    return TeacherStudentLoss(teacher, total_loss, projections)


def _projection(student: Classifier, teacher: Classifier) -> nn.Module:
    """W of eqs. 8 and 9; states of the same width are compared directly."""
    widths = (int(student.config.hidden_size), int(teacher.config.hidden_size))
    return nn.Identity() if widths[0] == widths[1] else nn.Linear(*widths, bias=False)
