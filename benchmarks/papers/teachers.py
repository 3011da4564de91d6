"""Cache of models that several claims start from: each is trained once."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coldpress.benchmark.loading import Benchmark
from coldpress.data.encoding import encode
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model import serialization
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.model.classifier import Classifier
from coldpress.teacher import build
from coldpress.teacher.spec import Teacher, content_digest
from coldpress.training import loop
from options import MAX_TOKENS
from tasks.execution import cache_key


def fine_tune(teacher: Teacher, data: Benchmark, seed: int, cache: Path) -> Checkpoint:
    """Fine-tune the large model on one seed's training rows, unless it is in the cache.

    Args:
        teacher: Base model and training settings.
        data: Dataset; its validation rows select the epoch.
        seed: Seed of new weights and of the order of the rows.
        cache: Directory of cached models.

    Returns:
        The verified checkpoint.
    """

    def make() -> Classifier:
        loop.reseed(seed, "train_teacher")
        classifier = build.build_teacher(teacher, data, MAX_TOKENS)
        train = encode(classifier.tokenizer, data.train)
        validation = encode(classifier.tokenizer, data.validation)
        loss = loop.target_loss(TEXT_CLASSIFICATION, train.targets)
        loop.fit(classifier, train, loss, teacher, validation)
        return classifier

    inputs = {
        "teacher": teacher.model_dump(mode="json", exclude={"model"}),
        "model": content_digest(teacher.model),
        "data": data.digest,
        "seed": seed,
    }
    return load_or_make(cache, "teacher", inputs, make)


def load_or_make(
    cache: Path, stage: str, inputs: Mapping[str, Any], make: Callable[[], Classifier]
) -> Checkpoint:
    """Load a model from the cache, or make it if the cache has none of these inputs and code.

    Other scripts that need the same model wait until it is made.

    Args:
        cache: Directory of cached models.
        stage: Stage of the model.
        inputs: Everything that determines the model, as JSON-able values or pydantic models.
        make: Trains the model.

    Returns:
        The verified checkpoint.
    """
    name = cache_key.stage_key(stage, "benchmarks.papers.teachers", inputs)[:16]
    target = cache / f"{stage}-{name}"
    with _lock(cache, target.name):
        if not target.exists():
            serialization.write_checkpoint(
                make(), target, Manifest(stage=stage, section=dict(inputs))
            )
    return Checkpoint.open(target)


@contextmanager
def _lock(cache: Path, name: str) -> Iterator[None]:
    """Hold a lock on a model; the system releases it if the process is killed."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
