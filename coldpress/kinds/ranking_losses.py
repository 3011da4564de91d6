"""Losses of scores of documents: against a teacher's scores, and against relevance."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import mse_loss, softplus


def score_and_margin_loss(scores: Tensor, teacher: Tensor, queries: Tensor) -> Tensor:
    """Compute the squared error of scores, plus that of margins between documents of a query.

    Margin-MSE is that of Hofstaetter et al. (2020), "Improving Efficient Neural Ranking Models with
    Cross-Architecture Knowledge Distillation", eq. 1, over all pairs of a query's documents in the
    batch instead of a relevant and another one, so that it needs no labels. Of the differences d
    between student and teacher, the mean of (d_i - d_j)^2 over all pairs is twice their variance.
    The squared error of the scores themselves keeps them comparable between queries.

    Args:
        scores: The student's, shape (batch,).
        teacher: Shape (batch,).
        queries: Query of each document, int64, shape (batch,).

    Returns:
        A scalar, averaged over the batch.
    """
    differences = scores - teacher
    _, numbers, sizes = torch.unique(queries, return_inverse=True, return_counts=True)
    sums = torch.zeros(len(sizes), device=scores.device).index_add(0, numbers, differences)
    centred = differences - (sums / sizes)[numbers]
    margins: Tensor = 2 * centred.square().mean()
    return mse_loss(scores, teacher) + margins


def balanced_relevance_loss(
    scores: Tensor, relevance: Tensor, reduction: Literal["mean", "sum"]
) -> Tensor:
    """Compute the binary cross-entropy of scores as logits of being relevant.

    Relevant documents are rare: with one of eleven, a model learns first that none is relevant.
    Relevant and other documents of the batch therefore have the same total weight. A document of
    relevance 2 has twice the weight of one of relevance 1, so that it is scored higher.

    Args:
        scores: Shape (batch,).
        relevance: At least 0, shape (batch,).
        reduction: Over the rows of the batch.

    Returns:
        A scalar.
    """
    others = (relevance == 0).to(scores.dtype)
    weights = relevance / relevance.sum().clamp_min(1e-9) + others / others.sum().clamp_min(1)
    losses = torch.where(relevance > 0, softplus(-scores), softplus(scores))
    mean = (weights * losses).sum() / weights.sum()
    return mean if reduction == "mean" else mean * len(scores)
