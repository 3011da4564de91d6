"""The untrained static student: the teacher's tokens, each with a vector that the teacher made."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from coldpress.data.encoding import Batch, find_pad_id
from coldpress.data.word_tokens import IntArray
from coldpress.distillation.vector_targets import fit_projection
from coldpress.model.classifier import Classifier
from coldpress.model.static_model import StaticConfig, StaticModel
from coldpress.model.vocabulary.needed_tokens import complete_tokens
from coldpress.model.vocabulary.shrink_tokenizer import shrink_tokenizer
from coldpress.training.data import TrainingData

if TYPE_CHECKING:
    from coldpress.distillation.static.method import Static

_BATCH_SIZE = 256
_SMOOTHING = 1e-3
"""The constant a of Arora et al. 2017, section 3, which lies between 1e-4 and 1e-3."""


def build_student(teacher: Classifier, method: Static, data: TrainingData) -> Classifier:
    """Build a student whose vocabulary is that of the training rows.

    Args:
        teacher: Not changed.
        method: Sizes of the student.
        data: Training rows, encoded by the teacher's tokenizer.

    Returns:
        The student. The row of a token starts with the teacher's vector of this token alone, in
        the directions in which these vectors differ most; those of n-grams start with zeros.
    """
    used = {int(token) for row in data.train.input_ids for token in row}
    ids = sorted(complete_tokens(teacher.tokenizer, used | {data.train.pad_id}))
    tokenizer = shrink_tokenizer(teacher.tokenizer, ids)
    module = StaticModel(_configure(teacher, method, len(ids), find_pad_id(tokenizer)))
    student = Classifier(module.eval(), tokenizer, teacher.labels, teacher.kind, teacher.mask_token)
    vectors = _reduce_width(token_vectors(teacher, ids), method.width)
    weights = _token_weights(ids, data.train.input_ids)
    with torch.no_grad():
        student.token_table.weight.zero_()
        student.token_table.weight[: len(ids)] = vectors * weights[:, None]
    return student


def _configure(teacher: Classifier, method: Static, tokens: int, padding: int) -> StaticConfig:
    has_ngrams = method.longest_ngram > 1
    return StaticConfig(
        vocab_size=tokens,
        ngram_rows=method.ngram_rows if has_ngrams else 0,
        longest_ngram=method.longest_ngram,
        hidden_size=method.width,
        intermediate_size=method.neurons,
        max_position_embeddings=teacher.config.max_position_embeddings,
        pad_token_id=padding,
        id2label=dict(enumerate(teacher.labels)),
    )


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


def _reduce_width(vectors: Tensor, width: int) -> Tensor:
    """Return the principal components of vectors, scaled to a standard deviation of 1."""
    centred = vectors - vectors.mean(dim=0)
    reduced = fit_projection(centred, width).apply(centred, normalize=False)
    return reduced / reduced.std().clamp(min=1e-6)


def _token_weights(ids: Sequence[int], rows: Sequence[IntArray]) -> Tensor:
    """Return a / (a + p(token)), so that frequent tokens say less (Arora et al. 2017)."""
    counts = np.bincount(np.fromiter(chain.from_iterable(rows), np.int64), minlength=max(ids) + 1)
    shares = counts[list(ids)] / max(counts.sum(), 1)
    return torch.from_numpy(_SMOOTHING / (_SMOOTHING + shares)).float()
