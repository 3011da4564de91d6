"""One step of training: AdamW with gradient clipping, warm-up and linear decay."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from coldpress import ranks
from coldpress.data.encoding import Batch
from coldpress.errors import DivergedError
from coldpress.model.activations import TeacherStudentLoss, record_activations
from coldpress.model.classifier import Classifier
from coldpress.training.batch_share import BatchShare
from coldpress.training.dropout import fast_dropout

Loss = Callable[[Tensor, Tensor], Tensor]
"""From logits (units, labels) on any device and unit numbers (units,) on the CPU to a scalar."""

ProgressCallback = Callable[[int, int, float], None]
"""Called after each step with its number (from 1), the number of steps and the loss."""

WARMUP_RATIO = 0.1
WEIGHT_DECAY = 0.01
MAX_GRADIENT_NORM = 1.0


def no_progress(step: int, steps: int, loss: float) -> None:
    """Ignore progress: the default callback."""


class TrainingStep:
    """One step of AdamW with gradient clipping, warm-up and linear decay.

    Ranks divide the batch and compute the same loss of the whole batch.
    """

    def __init__(
        self,
        classifier: Classifier,
        loss: Loss | TeacherStudentLoss,
        peak: float,
        steps: int,
        progress: ProgressCallback,
        dropout: float | None = None,
    ) -> None:
        """Prepare the optimizer.

        Args:
            classifier: Changed in place by each step.
            loss: Of the logits, or of the activations.
            peak: Learning rate after the warm-up.
            steps: Number of steps to come.
            progress: Called after each step.
            dropout: Rate of every dropout; None: that of the model's configuration.
        """
        self._accelerator = Accelerator(mixed_precision="bf16" if supports_bf16() else "no")
        self._classifier = classifier
        self._loss = loss
        self._progress = progress
        self._dropout = dropout
        self._steps = steps
        self._step = 0
        self._peak = peak
        # accelerator.prepare would make validation run in bf16 too; autocast is per step.
        self._module = classifier.module.to(self._accelerator.device)
        self._trained = nn.ModuleList([self._module])
        if isinstance(loss, TeacherStudentLoss):
            loss.teacher.module.to(self._accelerator.device).eval()
            self._trained.append(loss.projections.to(self._accelerator.device))
        ranks.copy_from_first(self._trained)
        self._own_randomness = ranks.OwnRandomness()
        optimizer = AdamW(_parameter_groups(self._trained), lr=peak, fused=True)
        self._optimizer = self._accelerator.prepare(optimizer)
        self._schedule = LambdaLR(optimizer, lambda step: _learning_rate_factor(step, steps))

    def __call__(self, batch: Batch) -> float:
        """Train on a batch, and return its loss.

        Args:
            batch: Padded rows; the same on every rank.

        Raises:
            DivergedError: The loss is not finite.
        """
        self._module.train()
        with fast_dropout(self._dropout):
            loss = self._compute_loss(BatchShare(batch))
        value = float(loss.item())
        if not math.isfinite(value):
            raise self._diverged(f"the loss is {value} in step {self._step + 1}")
        self._accelerator.backward(loss)
        ranks.average_gradients(self._trained.parameters())
        self._accelerator.clip_grad_norm_(self._trained.parameters(), MAX_GRADIENT_NORM)
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad()
        self._step += 1
        self._progress(self._step, self._steps, value)
        return value

    def check_weights(self) -> None:
        """Check that all weights are finite.

        Raises:
            DivergedError: One is not.
        """
        for name, weight in self._trained.named_parameters():
            if not bool(weight.isfinite().all()):
                name = name.removeprefix("0.")
                raise self._diverged(f"{name} is not finite after step {self._step}")

    def _diverged(self, reason: str) -> DivergedError:
        remedy = f"set a learning_rate below {self._peak:g}"
        return DivergedError(f"training diverged: {reason} of {self._steps}; {remedy}")

    def _compute_loss(self, share: BatchShare) -> Tensor:
        units = torch.from_numpy(share.batch.units)
        # Ranks that compute the same rows draw the same numbers.
        randomness = self._own_randomness.draw() if share.is_divided else nullcontext()
        if not isinstance(self._loss, TeacherStudentLoss):
            with randomness, self._accelerator.autocast():
                logits = self._classifier.unit_logits(share.own)
            return self._loss(share.gather_logits(logits.float()), units)
        with randomness, self._accelerator.autocast():
            student = record_activations(self._classifier, share.own)
            with torch.no_grad():
                teacher = record_activations(self._loss.teacher, share.own)
        student, teacher = (share.gather_activations(model) for model in (student, teacher))
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
