"""The training loop of teachers, students and pruned models."""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from coldpress.data.encoding import EncodedSplit
from coldpress.kinds.kind import TaskKind
from coldpress.model.activations import TeacherStudentLoss
from coldpress.model.classifier import Classifier, score
from coldpress.schema.section import Optimization
from coldpress.training.batches import plan_batches
from coldpress.training.freezing import freeze_embeddings, only_first_token
from coldpress.training.memory import keep_freed_memory
from coldpress.training.occurring_rows import in_place_of_table, select_rows
from coldpress.training.step import Loss, ProgressCallback, TrainingStep, no_progress


@dataclass(frozen=True)
class Epoch:
    """Results of one epoch.

    Attributes:
        number: Counted from 1.
        loss: Mean over the steps.
        validation_score: First metric of the task kind, after the epoch.
        seconds: Duration, including validation.
    """

    number: int
    loss: float
    validation_score: float
    seconds: float


def reseed(seed: int, stage: str) -> None:
    """Seed all random generators for a stage, whatever ran before it in this process.

    Args:
        seed: The recipe's seed.
        stage: The stage's name.
    """
    stage_seed = int.from_bytes(hashlib.sha256(f"{seed}:{stage}".encode()).digest()[:4], "big")
    random.seed(stage_seed)
    np.random.seed(stage_seed)
    torch.manual_seed(stage_seed)


def target_loss(kind: TaskKind, targets: NDArray[Any]) -> Loss:
    """Return the loss of a task kind against the targets of units, shape (units, ...)."""
    values = torch.from_numpy(targets)
    return lambda outputs, units: kind.hard_loss(outputs, values[units].to(outputs.device))


def fit(
    classifier: Classifier,
    train: EncodedSplit,
    loss: Loss | TeacherStudentLoss,
    options: Optimization,
    validation: EncodedSplit,
    progress: ProgressCallback = no_progress,
) -> tuple[Epoch, ...]:
    """Train a classifier and restore the weights of its best epoch on validation.

    Args:
        classifier: Changed in place.
        train: Training rows.
        loss: The loss to minimize, of the logits or of the activations.
        options: Epochs and their least steps, peak learning rate, batch size, dropout, whether
            the embeddings are frozen.
        validation: Rows that select the epoch; of epochs with equal scores the last one wins.
        progress: Called after each step.

    Returns:
        The results of each epoch.

    Raises:
        DivergedError: The loss or a weight is not finite any more.
    """
    if options.epochs == 0:
        return ()
    epochs: list[Epoch] = []
    for epoch in train_epochs(classifier, train, loss, options, validation, progress):
        if epoch.validation_score >= max((e.validation_score for e in epochs), default=-math.inf):
            best = {k: v.detach().clone() for k, v in classifier.module.state_dict().items()}
        epochs.append(epoch)
    classifier.module.load_state_dict(best)
    return tuple(epochs)


def train_epochs(
    classifier: Classifier,
    train: EncodedSplit,
    loss: Loss | TeacherStudentLoss,
    options: Optimization,
    validation: EncodedSplit,
    progress: ProgressCallback = no_progress,
) -> Iterator[Epoch]:
    """Train as `fit` does, epoch by epoch, and leave the weights of the last epoch in place.

    Yields:
        The results of each epoch, when it ends.

    Raises:
        DivergedError: The loss or a weight is not finite any more.
    """
    # A loss of activations may read any token of any layer.
    reads_all = isinstance(loss, TeacherStudentLoss)
    last_layer = nullcontext() if reads_all else only_first_token(classifier)
    frozen = freeze_embeddings(classifier, options.freeze_embeddings)
    with frozen, last_layer, keep_freed_memory():
        batches = plan_batches(classifier.kind, train, options.batch_size)
        passes = math.ceil(options.min_epoch_steps / len(batches))
        steps = passes * len(batches) * options.epochs
        rows = select_rows(classifier, (train, validation))
        with in_place_of_table(classifier, rows):
            step = TrainingStep(
                classifier, loss, options.learning_rate, steps, progress, options.dropout
            )
        for number in range(1, options.epochs + 1):
            start = time.perf_counter()
            with in_place_of_table(classifier, rows):
                losses = [step(batch) for _ in range(passes) for batch in batches]
                step.check_weights()
                value = score(classifier, validation)
            yield Epoch(number, float(np.mean(losses)), value, time.perf_counter() - start)
    classifier.module.eval()
