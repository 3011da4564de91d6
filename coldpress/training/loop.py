"""The training loop of teachers, students and pruned models."""

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
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from coldpress.data.encoding import Batch, EncodedSplit
from coldpress.errors import DivergedError
from coldpress.kinds.kind import TaskKind
from coldpress.model.activations import TeacherStudentLoss, record_activations
from coldpress.model.classifier import Classifier, score
from coldpress.schema.section import Optimization
from coldpress.training.batches import plan_batches
from coldpress.training.dropout import fast_dropout
from coldpress.training.freezing import freeze_embeddings, only_first_token
from coldpress.training.memory import keep_freed_memory

Loss = Callable[[Tensor, Tensor], Tensor]
"""From logits (units, labels) on any device and unit numbers (units,) on the CPU to a scalar."""

ProgressCallback = Callable[[int, int, float], None]
"""Called after each step with its number (from 1), the number of steps and the loss."""

WARMUP_RATIO = 0.1
WEIGHT_DECAY = 0.01
MAX_GRADIENT_NORM = 1.0


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


def no_progress(step: int, steps: int, loss: float) -> None:
    """Ignore progress: the default callback."""


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
        options: Epochs and their least steps, peak learning rate, batch size, whether the
            embeddings are frozen.
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
        step = _TrainingStep(classifier, loss, options.learning_rate, steps, progress)
        for number in range(1, options.epochs + 1):
            start = time.perf_counter()
            losses = [step(batch) for _ in range(passes) for batch in batches]
            step.check_weights()
            value = score(classifier, validation)
            yield Epoch(number, float(np.mean(losses)), value, time.perf_counter() - start)
    classifier.module.eval()


class _TrainingStep:
    """One step of AdamW with gradient clipping, warm-up and linear decay."""

    def __init__(
        self,
        classifier: Classifier,
        loss: Loss | TeacherStudentLoss,
        peak: float,
        steps: int,
        progress: ProgressCallback,
    ) -> None:
        self._accelerator = Accelerator(mixed_precision="bf16" if supports_bf16() else "no")
        self._classifier = classifier
        self._loss = loss
        self._progress = progress
        self._steps = steps
        self._step = 0
        self._peak = peak
        # accelerator.prepare would make validation run in bf16 too; autocast is per step.
        self._module = classifier.module.to(self._accelerator.device)
        self._trained = nn.ModuleList([self._module])
        if isinstance(loss, TeacherStudentLoss):
            loss.teacher.module.to(self._accelerator.device).eval()
            self._trained.append(loss.projections.to(self._accelerator.device))
        optimizer = AdamW(_parameter_groups(self._trained), lr=peak, fused=True)
        self._optimizer = self._accelerator.prepare(optimizer)
        self._schedule = LambdaLR(optimizer, lambda step: _learning_rate_factor(step, steps))

    def __call__(self, batch: Batch) -> float:
        self._module.train()
        with fast_dropout():
            loss = self._compute_loss(batch)
        value = float(loss.item())
        if not math.isfinite(value):
            raise self._diverged(f"the loss is {value} in step {self._step + 1}")
        self._accelerator.backward(loss)
        self._accelerator.clip_grad_norm_(self._trained.parameters(), MAX_GRADIENT_NORM)
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad()
        self._step += 1
        self._progress(self._step, self._steps, value)
        return value

    def check_weights(self) -> None:
        for name, weight in self._trained.named_parameters():
            if not bool(weight.isfinite().all()):
                name = name.removeprefix("0.")
                raise self._diverged(f"{name} is not finite after step {self._step}")

    def _diverged(self, reason: str) -> DivergedError:
        remedy = f"set a learning_rate below {self._peak:g}"
        return DivergedError(f"training diverged: {reason} of {self._steps}; {remedy}")

    def _compute_loss(self, batch: Batch) -> Tensor:
        units = torch.from_numpy(batch.units)
        if not isinstance(self._loss, TeacherStudentLoss):
            with self._accelerator.autocast():
                logits = self._classifier.unit_logits(batch)
            return self._loss(logits.float(), units)
        with self._accelerator.autocast():
            student = record_activations(self._classifier, batch)
            with torch.no_grad():
                teacher = record_activations(self._loss.teacher, batch)
        return self._loss.loss(student, teacher, units)


def supports_bf16() -> bool:
    """True if the hardware computes in bf16; emulated bf16 is far slower than fp32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _parameter_groups(module: nn.Module) -> list[dict[str, Any]]:
    """Apply weight decay to matrices only, not to biases and normalization weights."""
    trainable = [p for p in module.parameters() if p.requires_grad]
    matrices = [p for p in trainable if p.ndim > 1]
    vectors = [p for p in trainable if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": WEIGHT_DECAY},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _learning_rate_factor(step: int, steps: int) -> float:
    """Linear warm-up over the first tenth of the steps, then linear decay to 0."""
    warmup = max(1, int(WARMUP_RATIO * steps))
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, (steps - step) / max(1, steps - warmup))
