"""A trial: one dataset, cut by one seed, and the large model fine-tuned on it with that seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

import teachers
from coldpress.data import benchmark
from coldpress.data.benchmark import Benchmark, BenchmarkSection
from coldpress.data.encoding import EncodedSplit, encode
from coldpress.model import classifier as model
from coldpress.model import serialization
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.pruning.pipeline import RetrainingData
from coldpress.teacher.spec import Teacher
from coldpress.training import loop
from coldpress.training.loop import Loss

Place = TypeVar("Place", bound=float)


@dataclass(frozen=True)
class Trial:
    """What a claim is measured on.

    Attributes:
        name: Of the dataset.
        data: Its rows; which of them are for validation is the seed's choice.
        seed: Of everything that is drawn.
        checkpoint: The fine-tuned large model.
        plan: How it was fitted.
        cache: Where models that several claims start from are kept.
        quick: Whether it is only to be seen that it works.
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
        """The fine-tuned large model in memory; methods leave it as it is."""
        return serialization.load_classifier(self.checkpoint)

    @cached_property
    def train(self) -> EncodedSplit:
        """The training rows, as the teacher's tokenizer reads them."""
        return encode(self.teacher.tokenizer, self.data.train)

    @cached_property
    def answers(self) -> Tensor:
        """The teacher's logits for the training rows: (rows, labels)."""
        return self.teacher.logits(self.train)

    @cached_property
    def validation(self) -> EncodedSplit:
        """The rows that selection may look at."""
        return encode(self.teacher.tokenizer, self.data.validation)

    @cached_property
    def test(self) -> EncodedSplit:
        """The rows that are reported on, and that choose nothing."""
        return encode(self.teacher.tokenizer, self.data.test)

    def recovery(self) -> RetrainingData:
        """Return what pruning judges by and retrains on: labels, at half the teacher's rate."""
        loss = loop.label_loss(torch.from_numpy(self.train.labels))
        plan = self.plan.model_copy(update={"learning_rate": self.plan.learning_rate / 2})
        texts = (*self.data.train.all_texts, *self.data.validation.all_texts)
        return RetrainingData(self.train, loss, plan, self.validation, texts=texts)

    def sample(self, rows: int) -> tuple[EncodedSplit, Loss]:
        """Draw training rows to judge importance on, and the loss over their labels."""
        drawn = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(self.seed))
        chosen = self.data.train.take(sorted(drawn[:rows].tolist()))
        sample = encode(self.teacher.tokenizer, chosen)
        return sample, loop.label_loss(torch.from_numpy(sample.labels))

    def some(self, shares: Sequence[Place]) -> Sequence[Place]:
        """Return all places, or every other where it is only to be seen that it works."""
        return shares[::2] if self.quick else shares

    def accuracy(self, classifier: Classifier, rows: EncodedSplit) -> float:
        """Return a model's accuracy on rows of this trial, a fraction."""
        return model.accuracy(classifier.logits(rows), rows.labels.tolist())


def prepare(
    name: str, section: BenchmarkSection, seed: int, teacher: Teacher, cache: Path, quick: bool
) -> Trial:
    """Read the data, cut it, and have the large model.

    Args:
        name: Of the dataset.
        section: Where it is.
        seed: Cuts validation, and fits the large model.
        teacher: What it starts from.
        cache: Where it is kept.
        quick: Whether it is only to be seen that it works.

    Returns:
        A trial.
    """
    data = benchmark.load_benchmark(section, seed)
    checkpoint = teachers.fine_tuned(teacher, data, seed, cache)
    return Trial(name, data, seed, checkpoint, teacher, cache, quick)
