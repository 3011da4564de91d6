"""Fixtures: rows, checkpoints and exported models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.export import export
from coldpress.quantization.core.storage import save_quantized

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    """The twelve rows as ids."""
    return encode(tiny.tokenizer, split)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Write a classifier, quantized or not, to a named checkpoint."""

    def store(classifier: Classifier, name: str) -> Checkpoint:
        with new_checkpoint(
            tmp_path / name,
            Manifest(stage="quantize", labels=classifier.labels, shapes=classifier.shapes),
        ) as directory:
            save_quantized(classifier, directory)
        return Checkpoint.open(tmp_path / name)

    return store


@pytest.fixture
def exported(tmp_path: Path) -> Export:
    """Export a checkpoint, with metadata, into a directory beside it."""

    def exported(checkpoint: Checkpoint, **metadata: str) -> Path:
        target = tmp_path / f"{checkpoint.path.name}-onnx"
        with new_checkpoint(target, Manifest(stage="export_onnx")) as directory:
            export(checkpoint, directory, 17, metadata)
        return target

    return exported
