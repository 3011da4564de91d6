"""The transfer set: the rows that a student is trained on, with the teacher's soft targets."""

from __future__ import annotations

import torch

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.distillation.hinton.loss import TargetMixture, soft_and_hard_loss
from coldpress.distillation.method import Distillation
from coldpress.distillation.soft_targets import SoftTargets
from coldpress.model.classifier import Classifier
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
        method: Its temperature and its alpha are used.
        soft_targets: For all rows, in any order.
        rows: The transfer set; unlabelled rows come last.
        validation: Labelled rows.

    Returns:
        The data. Its loss is alpha * soft + (1 - alpha) * hard; unlabelled rows count in the soft
        term only.

    Raises:
        KeyError: A row has no soft targets.
    """
    train = encode(classifier.tokenizer, rows)
    mixture = TargetMixture(
        classifier.kind, soft_targets.for_rows(rows), torch.from_numpy(train.targets)
    )
    loss = soft_and_hard_loss(mixture, method.temperature, method.alpha)
    return TrainingData(train, loss, encode(classifier.tokenizer, validation))
