"""The one optimisation loop: it fits the teacher, the student and what pruning has hurt."""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from coldpress.data.encoding import Batch, EncodedSplit
from coldpress.errors import DivergedError
from coldpress.model.activations import TeacherStudentLoss, record_activations
from coldpress.model.classifier import Classifier, accuracy
from coldpress.schema.section import Optimization
from coldpress.training.freezing import freeze_embeddings, only_first_token

Loss = Callable[[Tensor, Tensor], Tensor]
"""From logits (batch, labels) on any device and row numbers (batch,) on the CPU to a scalar."""

ProgressCallback = Callable[[int, int, float], None]
"""Told after each step: steps done, steps in all, the step's loss."""

WARMUP_RATIO = 0.1
WEIGHT_DECAY = 0.01
MAX_GRADIENT_NORM = 1.0
_BATCHES_PER_GROUP = 50


@dataclass(frozen=True)
class Epoch:
    """What one pass over the data came to.

    Attributes:
        number: Counted from 1.
        loss: Mean over the steps.
        validation_accuracy: After the epoch, as a fraction.
        seconds: Wall clock, validation included.
    """

    number: int
    loss: float
    validation_accuracy: float
    seconds: float


def reseed(seed: int, stage: str) -> None:
    """Give a stage random numbers of its own, whatever ran before it in this process.

    Args:
        seed: The recipe's.
        stage: The stage's name.
    """
    derived = int.from_bytes(hashlib.sha256(f"{seed}:{stage}".encode()).digest()[:4], "big")
    random.seed(derived)
    np.random.seed(derived)
    torch.manual_seed(derived)


def no_progress(done: int, total: int, loss: float) -> None:
    """Progress that nobody watches."""


def label_loss(labels: Tensor) -> Loss:
    """Cross-entropy against the true labels.

    Args:
        labels: One class index a row of the training split, shape (rows,).

    Returns:
        The loss of a batch.
    """
    return lambda logits, rows: nn.functional.cross_entropy(logits, labels[rows].to(logits.device))


def fit(
    classifier: Classifier,
    data: EncodedSplit,
    loss: Loss | TeacherStudentLoss,
    plan: Optimization,
    validation: EncodedSplit,
    progress: ProgressCallback = no_progress,
) -> tuple[Epoch, ...]:
    """Fit a classifier in place and leave it at its best epoch by validation accuracy.

    Args:
        classifier: Changed in place.
        data: Training rows.
        loss: What to minimise, of the logits alone or of what is inside.
        plan: Epochs, peak learning rate, batch size, whether the embeddings move.
        validation: Rows that choose the epoch; of equal epochs the later one is kept.
        progress: Told after each step.

    Returns:
        One record an epoch.
    """
    if plan.epochs == 0:
        return ()
    best, epochs = classifier.module.state_dict(), list[Epoch]()
    for epoch in train_epochs(classifier, data, loss, plan, validation, progress):
        if epoch.validation_accuracy >= max((e.validation_accuracy for e in epochs), default=0.0):
            best = {k: v.detach().clone() for k, v in classifier.module.state_dict().items()}
        epochs.append(epoch)
    classifier.module.load_state_dict(best)
    return tuple(epochs)


def train_epochs(
    classifier: Classifier,
    data: EncodedSplit,
    loss: Loss | TeacherStudentLoss,
    plan: Optimization,
    validation: EncodedSplit,
    progress: ProgressCallback = no_progress,
) -> Iterator[Epoch]:
    """Fit a classifier in place, pass by pass, and leave it as the last one did.

    Args:
        classifier: Changed in place.
        data: Training rows.
        loss: What to minimise, of the logits alone or of what is inside.
        plan: Epochs, peak learning rate, batch size, whether the embeddings move.
        validation: Rows to report an accuracy on after each pass.
        progress: Told after each step.

    Yields:
        A record of each pass, when it is done.

    Raises:
        DivergedError: The loss or a weight is no finite number any more.
    """
    # A loss that looks inside may read any token of any layer.
    spared = nullcontext() if isinstance(loss, TeacherStudentLoss) else only_first_token(classifier)
    with freeze_embeddings(classifier, plan.freeze_embeddings), spared:
        steps = math.ceil(len(data) / plan.batch_size) * plan.epochs
        step = _TrainingStep(classifier, loss, plan.learning_rate, steps, progress)
        for number in range(1, plan.epochs + 1):
            started = time.perf_counter()
            losses = [step(batch) for batch in _length_grouped_batches(data, plan.batch_size)]
            step.check_weights()
            score = accuracy(classifier.logits(validation), validation.labels.tolist())
            yield Epoch(number, float(np.mean(losses)), score, time.perf_counter() - started)
    classifier.module.eval()


class _TrainingStep:
    """One step of AdamW with clipped gradients, warm-up and linear decay."""

    def __init__(
        self,
        classifier: Classifier,
        loss: Loss | TeacherStudentLoss,
        peak: float,
        steps: int,
        progress: ProgressCallback,
    ) -> None:
        self._accelerator = Accelerator(mixed_precision="bf16" if supports_bf16() else "no")
        self._classifier, self._loss, self._progress = classifier, loss, progress
        self._steps, self._done, self._peak = steps, 0, peak
        # Prepared modules would compute in bf16 in validation too: a step alone does (autocast).
        self._module = classifier.module.to(self._accelerator.device)
        self._fitted = nn.ModuleList([self._module])
        if isinstance(loss, TeacherStudentLoss):
            loss.teacher.module.to(self._accelerator.device).eval()
            self._fitted.append(loss.projections.to(self._accelerator.device))
        optimizer = AdamW(_parameter_groups(self._fitted), lr=peak, fused=True)
        self._optimizer = self._accelerator.prepare(optimizer)
        self._schedule = LambdaLR(optimizer, lambda done: _learning_rate_factor(done, steps))

    def __call__(self, batch: Batch) -> float:
        self._module.train()
        loss = self._of(batch)
        value = float(loss.item())
        if not math.isfinite(value):
            raise self._diverged(f"the loss is {value} in step {self._done + 1}")
        self._accelerator.backward(loss)
        self._accelerator.clip_grad_norm_(self._fitted.parameters(), MAX_GRADIENT_NORM)
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad()
        self._done += 1
        self._progress(self._done, self._steps, value)
        return value

    def check_weights(self) -> None:
        for name, weight in self._fitted.named_parameters():
            if not bool(weight.isfinite().all()):
                name = name.removeprefix("0.")
                raise self._diverged(f"{name} is not finite after step {self._done}")

    def _diverged(self, what: str) -> DivergedError:
        remedy = f"set a learning_rate below {self._peak:g}"
        return DivergedError(f"training diverged: {what} of {self._steps}; {remedy}")

    def _of(self, batch: Batch) -> Tensor:
        rows = torch.from_numpy(batch.rows)
        if not isinstance(self._loss, TeacherStudentLoss):
            with self._accelerator.autocast():
                logits = self._module(**self._classifier.inputs(batch)).logits
            return self._loss(logits.float(), rows)
        with self._accelerator.autocast():
            fitted = record_activations(self._classifier, batch)
            with torch.no_grad():
                teacher = record_activations(self._loss.teacher, batch)
        return self._loss.loss(fitted, teacher, rows)


def supports_bf16() -> bool:
    """Whether bf16 is done in hardware; where it is emulated it is far slower than fp32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _parameter_groups(module: nn.Module) -> list[dict[str, Any]]:
    """Decay matrices only: shrinking a bias or a normalisation's gain regularises nothing."""
    trainable = [p for p in module.parameters() if p.requires_grad]
    matrices = [p for p in trainable if p.ndim > 1]
    vectors = [p for p in trainable if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": WEIGHT_DECAY},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _learning_rate_factor(done: int, steps: int) -> float:
    """Share of the peak rate: up over the first tenth of the steps, then straight down to 0."""
    rise = max(1, int(WARMUP_RATIO * steps))
    if done < rise:
        return (done + 1) / rise
    return max(0.0, (steps - done) / max(1, steps - rise))


def _length_grouped_batches(data: EncodedSplit, batch_size: int) -> Iterator[Batch]:
    """Shuffle, then sort by length inside runs of 50 batches: little padding, still random."""
    shuffled = torch.randperm(len(data)).tolist()
    run = batch_size * _BATCHES_PER_GROUP
    rows: list[list[int]] = []
    for start in range(0, len(shuffled), run):
        group = sorted(shuffled[start : start + run], key=lambda row: len(data.input_ids[row]))
        rows += [group[i : i + batch_size] for i in range(0, len(group), batch_size)]
    for index in torch.randperm(len(rows)).tolist():
        yield data.batch(rows[index])
