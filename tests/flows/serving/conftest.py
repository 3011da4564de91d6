"""A tiny exported model, and the application that serves it in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.onnx.export import export
from flows.serving.metrics import Metrics
from flows.serving.model_slot import ModelSlot, load_folder


@pytest.fixture
def folder(tmp_path: Path, tiny_checkpoint: Checkpoint) -> Path:
    """An exported model of single texts."""
    with new_checkpoint(tmp_path / "exported", Manifest(stage="export_onnx")) as directory:
        export(tiny_checkpoint, directory, 17, {"pairs": "false"})
    return tmp_path / "exported"


@pytest.fixture
def slot(folder: Path) -> ModelSlot:
    """Version 1 of trec."""
    return ModelSlot(load_folder(folder, "trec", 1, "passed"))


@pytest.fixture
def metrics(slot: ModelSlot) -> Metrics:
    """Counts that start at zero."""
    return Metrics(slot.model)
