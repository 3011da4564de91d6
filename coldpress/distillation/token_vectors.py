"""The token table of a student without layers: its tokens, and the vectors that they start with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from coldpress.data.encoding import Batch
from coldpress.data.word_tokens import IntArray
from coldpress.distillation.vector_targets import fit_projection
from coldpress.model.vocabulary.needed_tokens import complete_tokens

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.training.data import TrainingData

_BATCH_SIZE = 256
_SMOOTHING = 1e-3
"""The constant a of Arora et al. 2017, section 3, which lies between 1e-4 and 1e-3."""


def training_tokens(teacher: Classifier, data: TrainingData) -> list[int]:
    """Return the tokens of the training rows, in ascending order, and those that they need.

    Args:
        teacher: Its tokenizer encoded the rows.
        data: Of which only the training rows are read.
    """
    used = {int(token) for row in data.train.input_ids for token in row}
    return sorted(complete_tokens(teacher.tokenizer, used | {data.train.pad_id}))


@torch.inference_mode()
def token_vectors(teacher: Classifier, ids: Sequence[int]) -> Tensor:
    """Return the teacher's vectors of tokens, each read alone between the special tokens.

    Args:
        teacher: In evaluation mode.
        ids: Token ids.

    Returns:
        The mean of the last layer's vectors, shape (len(ids), width).
    """
    special = teacher.tokenizer.encode("").ids
    before, after = special[:1], special[1:]
    texts = np.array([[*before, token, *after] for token in ids], dtype=np.int64)
    vectors = []
    for start in range(0, len(texts), _BATCH_SIZE):
        batch = texts[start : start + _BATCH_SIZE]
        inputs = teacher.inputs(Batch(batch, np.ones_like(batch), np.zeros_like(batch), batch[:0]))
        vectors.append(teacher.encoder(**inputs).last_hidden_state.mean(dim=1).cpu())
    return torch.cat(vectors)


def reduce_width(vectors: Tensor, width: int) -> Tensor:
    """Return the principal components of vectors, scaled to a standard deviation of 1.

    Args:
        vectors: Shape (tokens, at least width).
        width: Number of components.

    Returns:
        Shape (tokens, width).
    """
    centred = vectors - vectors.mean(dim=0)
    reduced = fit_projection(centred, width).apply(centred, normalize=False)
    return reduced / reduced.std().clamp(min=1e-6)


def token_weights(ids: Sequence[int], rows: Sequence[IntArray]) -> Tensor:
    """Return a / (a + p(token)), so that frequent tokens say less (Arora et al. 2017).

    Args:
        ids: Token ids.
        rows: Token ids of texts.

    Returns:
        float32 of shape (len(ids),).
    """
    counts = np.bincount(np.fromiter(chain.from_iterable(rows), np.int64), minlength=max(ids) + 1)
    shares = counts[list(ids)] / max(counts.sum(), 1)
    return torch.from_numpy(_SMOOTHING / (_SMOOTHING + shares)).float()
