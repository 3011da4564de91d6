"""The transfer set: the rows that a student is trained on, with the teacher's soft targets."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.ragged import Ragged
from coldpress.data.splits import Split
from coldpress.data.word_tokens import UNSEEN
from coldpress.distillation.hinton.loss import TargetMixture, soft_and_hard_loss
from coldpress.distillation.method import Distillation
from coldpress.distillation.soft_targets import SoftTargets
from coldpress.distillation.vector_targets import fit_projection
from coldpress.kinds.vectors import learns_vectors
from coldpress.model.classifier import Classifier
from coldpress.model.sentence_head import read_head
from coldpress.model.sentence_surgery import project_vectors
from coldpress.training.data import TrainingData


def soft_target_data(
    classifier: Classifier,
    method: Distillation,
    soft_targets: SoftTargets,
    rows: Split,
    validation: Split,
) -> TrainingData:
    """Encode the rows and set up the loss with their soft targets and labels.

    The loss needs only the outputs. Pruned models can be retrained with it, too: they have lost
    heads and neurons, so that their activations can no longer be compared with the teacher's.

    Args:
        classifier: The model to train, or one with the same tokenizer and task kind.
        method: Its temperature, its alpha and the student's dimension are used.
        soft_targets: For all rows, in any order.
        rows: The transfer set; unlabelled rows come last.
        validation: Labelled rows. If models learn vectors, there are soft targets for them, too,
            which take the place of labels.

    Returns:
        The data. Its loss is alpha * soft + (1 - alpha) * hard; unlabelled rows count in the soft
        term only.

    Raises:
        KeyError: A row has no soft targets.
    """
    validation_rows = encode(classifier.tokenizer, validation)
    soft, places = soft_targets.logits, torch.from_numpy(soft_targets.find_units(rows))
    train = _hide_words(encode(classifier.tokenizer, rows), soft, places)
    hard = torch.from_numpy(train.targets)
    mixture = TargetMixture(classifier.kind, soft, hard, places)
    if learns_vectors(classifier.kind):
        targets = soft_targets.for_rows(validation)
        if method.student.dimension is not None:
            soft = soft_targets.for_rows(rows)
            soft, targets = _shorten(classifier, method.student.dimension, soft, targets)
            mixture = TargetMixture(classifier.kind, soft, hard)
        validation_rows = replace(validation_rows, targets=targets.numpy())
    loss = soft_and_hard_loss(mixture, method.temperature, method.alpha)
    encode_again = partial(
        soft_target_data, method=method, soft_targets=soft_targets, rows=rows, validation=validation
    )
    return TrainingData(train, loss, validation_rows, encode_again)


def shorten_teacher(
    teacher: Classifier, dimension: int | None, soft_targets: SoftTargets, rows: Split
) -> Classifier:
    """Return a teacher whose vectors are those that its students learn.

    Args:
        teacher: Not changed.
        dimension: Length of the vectors; None: the teacher's.
        soft_targets: The teacher's, with those of all rows.
        rows: The transfer set, whose principal components are used.
    """
    if dimension is None:
        return teacher
    projection = fit_projection(soft_targets.for_rows(rows), dimension)
    return project_vectors(teacher, projection.components)


def _hide_words(rows: EncodedSplit, soft: Tensor, places: Tensor) -> EncodedSplit:
    """Leave out words without a soft target: another tokenizer may read more of a text.

    Args:
        rows: Of the model that is trained.
        soft: Shape (teacher's units, outputs); all 0 for a word that the teacher does not see.
        places: The row of each unit in `soft`, shape (units,).
    """
    if rows.words is None:
        return rows
    seen = np.split((soft != 0).any(dim=1)[places].numpy(), rows.first_units[1:-1])
    words = [np.where(s, row, UNSEEN) for s, row in zip(seen, rows.words, strict=True)]
    return replace(rows, words=Ragged.of(words))


def _shorten(
    classifier: Classifier, dimension: int, train: Tensor, validation: Tensor
) -> tuple[Tensor, Tensor]:
    """Project the teacher's vectors for train and validation."""
    projection = fit_projection(train, dimension)
    normalize = read_head(classifier.config).normalize
    return projection.apply(train, normalize), projection.apply(validation, normalize)
