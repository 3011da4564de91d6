"""Ensembles of teachers, averaged (Hinton, Vinyals & Dean 2015, section 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from coldpress.benchmark.loading import Benchmark
from coldpress.distillation.soft_targets import SoftTargets
from coldpress.model.classifier import Classifier
from coldpress.teacher.build import build_teacher
from coldpress.teacher.spec import Teacher
from coldpress.training.data import labelled_data
from coldpress.training.loop import fit, reseed
from coldpress.training.step import ProgressCallback, no_progress


def train_another_teacher(
    number: int,
    teacher: Teacher,
    data: Benchmark,
    max_tokens: int,
    seed: int,
    progress: ProgressCallback = no_progress,
) -> Classifier:
    """Train a teacher like the first one, but from other random numbers.

    Args:
        number: Number of the teacher, from 2.
        teacher: The recipe's `teacher` section.
        data: Its training and validation rows are used.
        max_tokens: Longer texts are truncated to this length.
        seed: The recipe's seed.
        progress: Called after each step.

    Returns:
        The teacher at its best epoch. It has its own new head and its own order of rows.
    """
    reseed(seed, f"train_teacher_{number}")
    classifier = build_teacher(teacher, data, max_tokens)
    rows = labelled_data(classifier, data.train, data.validation)
    fit(classifier, rows.train, rows.loss, teacher, rows.validation, progress)
    return classifier


def average_soft_targets(ensemble: Sequence[SoftTargets]) -> SoftTargets:
    """Average the logits of several teachers.

    The mean of the logits is the geometric mean of the distributions, at any temperature.

    Args:
        ensemble: Soft targets for the same rows in the same order.

    Returns:
        The mean logits; everything else is the first teacher's.
    """
    mean = torch.stack([soft_targets.logits.float() for soft_targets in ensemble]).mean(0)
    return replace(ensemble[0], logits=mean.half())
