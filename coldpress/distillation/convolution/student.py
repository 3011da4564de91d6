"""The untrained convolutional student: the teacher's tokens, and random filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from coldpress.data.encoding import find_pad_id
from coldpress.distillation.token_vectors import reduce_width, token_vectors, training_tokens
from coldpress.model.classifier import Classifier
from coldpress.model.convolutional_model import ConvolutionalConfig, ConvolutionalModel
from coldpress.model.vocabulary.shrink_tokenizer import shrink_tokenizer
from coldpress.training.data import TrainingData

if TYPE_CHECKING:
    from coldpress.distillation.convolution.method import Convolution


def build_student(teacher: Classifier, method: Convolution, data: TrainingData) -> Classifier:
    """Build a student whose vocabulary is that of the training rows.

    Args:
        teacher: Not changed.
        method: Sizes of the student.
        data: Training rows, encoded by the teacher's tokenizer.

    Returns:
        The student. The row of a token starts with the teacher's vector of this token alone, in
        the directions in which these vectors differ most; that of padding is 0.
    """
    ids = training_tokens(teacher, data)
    tokenizer = shrink_tokenizer(teacher.tokenizer, ids)
    padding = find_pad_id(tokenizer)
    module = ConvolutionalModel(_configure(teacher, method, len(ids), padding))
    student = Classifier(module.eval(), tokenizer, teacher.labels, teacher.kind, teacher.mask_token)
    with torch.no_grad():
        student.token_table.weight.copy_(reduce_width(token_vectors(teacher, ids), method.width))
        student.token_table.weight[padding] = 0.0
    return student


def _configure(
    teacher: Classifier, method: Convolution, tokens: int, padding: int
) -> ConvolutionalConfig:
    return ConvolutionalConfig(
        vocab_size=tokens,
        hidden_size=method.width,
        window=method.window,
        filters=method.filters,
        max_position_embeddings=teacher.config.max_position_embeddings,
        pad_token_id=padding,
        id2label=dict(enumerate(teacher.labels)),
    )
