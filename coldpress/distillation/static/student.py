"""The untrained static student: the teacher's tokens, each with a vector that the teacher made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from coldpress.data.encoding import find_pad_id
from coldpress.distillation.token_vectors import (
    reduce_width,
    token_vectors,
    token_weights,
    training_tokens,
)
from coldpress.model.classifier import Classifier
from coldpress.model.static_model import StaticConfig, StaticModel
from coldpress.model.vocabulary.shrink_tokenizer import shrink_tokenizer
from coldpress.training.data import TrainingData

if TYPE_CHECKING:
    from coldpress.distillation.static.method import Static


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
    ids = training_tokens(teacher, data)
    tokenizer = shrink_tokenizer(teacher.tokenizer, ids)
    module = StaticModel(_configure(teacher, method, len(ids), find_pad_id(tokenizer)))
    student = Classifier(module.eval(), tokenizer, teacher.labels, teacher.kind, teacher.mask_token)
    vectors = reduce_width(token_vectors(teacher, ids), method.width)
    weights = token_weights(ids, data.train.input_ids)
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
