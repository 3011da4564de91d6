"""A trial: one dataset, split by one seed, and the large model fine-tuned with that seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

import teachers
from coldpress.benchmark import loading
from coldpress.benchmark.loading import Benchmark
from coldpress.data.encoding import EncodedSplit, encode
from coldpress.kinds import TEXT_CLASSIFICATION, TextClassificationBenchmark
from coldpress.model import classifier as model
from coldpress.model import serialization
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.pruning.context import PruningContext
from coldpress.teacher.spec import Teacher
from coldpress.training import loop
from coldpress.training.data import TrainingData, labelled_data
from coldpress.training.step import Loss

Position = TypeVar("Position", bound=float)


@dataclass(frozen=True)
class Trial:
    """One seed of one dataset.

    Attributes:
        name: Of the dataset.
        data: Its rows; the seed decides which of them are for validation.
        seed: Seed of all random numbers.
        checkpoint: The fine-tuned large model.
        plan: Training settings of the large model.
        cache: Directory of cached models and results.
        quick: Only check that the script works.
    """

    name: str
    data: Benchmark
    seed: int
    checkpoint: Checkpoint
    plan: Teacher
    cache: Path
    quick: bool

    @cached_property
    def teacher(self) -> Classifier:
        """The fine-tuned large model in memory; methods do not change it."""
        return serialization.load_classifier(self.checkpoint)

    @cached_property
    def train(self) -> EncodedSplit:
        """The training rows, encoded by the teacher's tokenizer."""
        return encode(self.teacher.tokenizer, self.data.train)

    @cached_property
    def teacher_logits(self) -> Tensor:
        """The teacher's logits for the training rows: (rows, labels)."""
        return self.teacher.logits(self.train)

    @cached_property
    def validation(self) -> EncodedSplit:
        """The rows for selection."""
        return encode(self.teacher.tokenizer, self.data.validation)

    @cached_property
    def test(self) -> EncodedSplit:
        """The rows for reporting; nothing is selected on them."""
        return encode(self.teacher.tokenizer, self.data.test)

    @cached_property
    def labelled(self) -> TrainingData:
        """The rows, and the loss of their labels."""
        return labelled_data(self.teacher, self.data.train, self.data.validation)

    def pruning_context(self) -> PruningContext:
        """Return a context for pruning: labels, and half the teacher's learning rate."""
        plan = self.plan.model_copy(update={"learning_rate": self.plan.learning_rate / 2})
        return PruningContext(self.labelled, plan, self.data.train.all_texts)

    def sample(self, rows: int) -> tuple[EncodedSplit, Loss]:
        """Draw training rows to measure importance on, and return the loss of their labels."""
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(self.seed))
        split = self.data.train.take(sorted(order[:rows].tolist()))
        sample = encode(self.teacher.tokenizer, split)
        return sample, loop.target_loss(TEXT_CLASSIFICATION, sample.targets)

    def subset(self, positions: Sequence[Position]) -> Sequence[Position]:
        """Return all positions of a curve, or every other one if quick."""
        return positions[::2] if self.quick else positions

    def accuracy(self, classifier: Classifier, rows: EncodedSplit) -> float:
        """Return a model's accuracy on rows of this trial, a fraction."""
        return model.score(classifier, rows)


def prepare_trial(
    name: str,
    section: TextClassificationBenchmark,
    seed: int,
    teacher: Teacher,
    cache: Path,
    quick: bool,
) -> Trial:
    """Read and split the dataset, and fine-tune the large model.

    Args:
        name: Of the dataset.
        section: The dataset's section.
        seed: Seed of the split and of the training.
        teacher: Base model and training settings.
        cache: Directory of cached models.
        quick: Only check that the script works.

    Returns:
        A trial.
    """
    data = loading.load_benchmark(section, seed)
    checkpoint = teachers.fine_tune(teacher, data, seed, cache)
    return Trial(name, data, seed, checkpoint, teacher, cache, quick)
