"""Several teachers, averaged (Hinton, Vinyals & Dean 2015, section 1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from coldpress.data.benchmark import Benchmark
from coldpress.data.encoding import encode
from coldpress.distillation.soft_targets import SoftTargets
from coldpress.model.classifier import Classifier
from coldpress.teacher.build import build_teacher
from coldpress.teacher.spec import Teacher
from coldpress.training.loop import ProgressCallback, fit, label_loss, no_progress, reseed


def train_more_teachers(
    count: int,
    teacher: Teacher,
    data: Benchmark,
    max_tokens: int,
    seed: int,
    progress: ProgressCallback = no_progress,
) -> Iterator[Classifier]:
    """Fit the teachers beside the first, as it was fitted, from other random numbers.

    Args:
        count: How many.
        teacher: What they start from and how they are fitted.
        data: Its training and validation rows are used.
        max_tokens: Longer texts are cut here.
        seed: The recipe's.
        progress: Told after each step.

    Yields:
        Teachers with heads and orders of rows of their own, each at its best epoch.
    """
    for number in range(count):
        reseed(seed, f"train_teacher_{number + 2}")
        made = build_teacher(teacher, data, max_tokens)
        train, validation = (encode(made.tokenizer, s) for s in (data.train, data.validation))
        loss = label_loss(torch.from_numpy(train.labels))
        fit(made, train, loss, teacher, validation, progress)
        yield made


def average_soft_targets(given: Sequence[SoftTargets]) -> SoftTargets:
    """Average what several teachers answered to the same rows.

    The mean of logits is the geometric mean of the distributions, at every temperature alike.

    Args:
        given: Answers to the same rows in the same order.

    Returns:
        The mean logits; whatever else is kept is the first teacher's.
    """
    mean = torch.stack([each.logits.float() for each in given]).mean(0)
    return replace(given[0], logits=mean.half())
