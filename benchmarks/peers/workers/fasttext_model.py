"""fastText, supervised."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers.workers.protocol import Files, Job, Served, Split

LIBRARIES = ("fasttext-wheel",)
PREFIX = "__label__"
TUNING_SECONDS = 30
TUTORIAL: dict[str, Any] = {
    "lr": 1.0,
    "epoch": 25,
    "wordNgrams": 2,
    "bucket": 200_000,
    "dim": 50,
}
"""Settings that the tutorial on text classification ends with; softmax, the default loss."""


def build(variant: str, job: Job, folder: Path) -> Files:
    """Train on the words of the training rows.

    Args:
        variant: `tutorial`, `autotune`, or `quantized`, which quantizes the tutorial's.
        job: Its rows.
        folder: For the files of rows and the model.
    """
    import fasttext

    train, validation = folder / "train.txt", folder / "validation.txt"
    names = label_names(job)
    for file, split in ((train, job.train), (validation, job.validation)):
        file.write_text(_format_rows(split, names), encoding="utf-8")
    options = {**TUTORIAL, "input": str(train), "thread": 1, "verbose": 0}
    if variant == "autotune":
        tuning = {"autotuneValidationFile": str(validation), "autotuneDuration": TUNING_SECONDS}
        options = {"input": str(train), "thread": 1, "verbose": 0, **tuning}
    model = fasttext.train_supervised(**options)
    target = folder / ("model.ftz" if variant == "quantized" else "model.bin")
    if variant == "quantized":
        model.quantize(input=str(train), retrain=True, qnorm=True, cutoff=100_000, thread=1)
    model.save_model(str(target))
    return Files([target], [])


def load(variant: str, job: Job, folder: Path, threads: int) -> Served:  # noqa: ARG001
    """Load the model."""
    import fasttext

    file = folder / ("model.ftz" if variant == "quantized" else "model.bin")
    model = fasttext.load_model(str(file))
    labels = {PREFIX + name: label for label, name in label_names(job).items()}

    def predict(texts: Sequence[str]) -> list[str]:
        # The module's `predict` asks numpy for a copy in a way that numpy 2 refuses.
        pairs = [model.f.predict(normalize(text) + "\n", 1, 0.0, "strict") for text in texts]
        return [labels[rows[0][1]] for rows in pairs]

    return Served(predict)


def label_names(job: Job) -> dict[str, str]:
    """Return label names without white space, which ends a label in fastText's files."""
    return {label: f"{index}" for index, label in enumerate(job.labels)}


def normalize(text: str) -> str:
    """Separate punctuation and lower the case, as the tutorial does with `sed` and `tr`."""
    return " ".join(re.sub(r"([.!?,'/()])", r" \1 ", text).lower().split())


def _format_rows(split: Split, names: dict[str, str]) -> str:
    pairs = zip(split.texts, split.labels, strict=True)
    return "".join(f"{PREFIX}{names[label]} {normalize(text)}\n" for text, label in pairs)
