"""Models that several claims start from: each is trained once and kept under what made it."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from coldpress.data.benchmark import Benchmark
from coldpress.data.encoding import encode
from coldpress.model import serialization
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.model.classifier import Classifier
from coldpress.teacher import build
from coldpress.teacher.spec import Teacher, content_digest
from coldpress.training import loop
from options import MAX_TOKENS
from tasks.execution import cache_key


def fine_tuned(teacher: Teacher, data: Benchmark, seed: int, cache: Path) -> Checkpoint:
    """Fine-tune the large model on one seed's training rows, unless it has been done.

    Args:
        teacher: What it starts from, and how it is fitted.
        data: Its rows; validation chooses the epoch.
        seed: Of new weights and of the order of the rows.
        cache: Where it is kept.

    Returns:
        The verified checkpoint.
    """

    def make() -> Classifier:
        loop.reseed(seed, "train_teacher")
        classifier = build.build_teacher(teacher, data, MAX_TOKENS)
        train = encode(classifier.tokenizer, data.train)
        validation = encode(classifier.tokenizer, data.validation)
        loss = loop.label_loss(torch.from_numpy(train.labels))
        loop.fit(classifier, train, loss, teacher, validation)
        return classifier

    about = {
        "teacher": teacher.model_dump(mode="json", exclude={"model"}),
        "model": content_digest(teacher.model),
        "data": data.digest,
        "seed": seed,
    }
    return kept(cache, "teacher", about, make)


def kept(
    cache: Path, stage: str, about: Mapping[str, Any], make: Callable[[], Classifier]
) -> Checkpoint:
    """Make a model, unless one made of the same things by the same code is kept.

    Args:
        cache: Where models are kept.
        stage: What kind of model it is.
        about: All that decides it, as JSON-able values or pydantic models.
        make: Trains it.

    Returns:
        The verified checkpoint. Another script that wants the same model waits for it.
    """
    name = cache_key.stage_key(stage, "benchmarks.papers.teachers", about)[:16]
    target = cache / f"{stage}-{name}"
    with _alone(cache, target.name):
        if not target.exists():
            serialization.write_checkpoint(
                make(), target, Manifest(stage=stage, section=dict(about))
            )
    return Checkpoint.open(target)


@contextmanager
def _alone(cache: Path, name: str) -> Iterator[None]:
    """Let one process at a time make a model; the system lets go of it for one that is killed."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
