"""A tiny exported model, and the application that serves it in this process."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import torch
from torch import nn

from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import save_classifier
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
def other_checkpoint(tiny: Classifier, tmp_path: Path) -> Checkpoint:
    """The tiny model with another output head, which answers some texts otherwise."""
    torch.manual_seed(6)
    nn.init.normal_(cast("nn.Linear", tiny.module.classifier).weight, std=0.5)
    manifest = Manifest(stage="train_teacher", labels=tiny.labels, shapes=tiny.shapes)
    with new_checkpoint(tmp_path / "other", manifest) as directory:
        save_classifier(tiny, directory)
    return Checkpoint.open(tmp_path / "other")


@pytest.fixture
def other_folder(tmp_path: Path, other_checkpoint: Checkpoint) -> Path:
    """The model with the other output head, exported."""
    with new_checkpoint(tmp_path / "exported-other", Manifest(stage="export_onnx")) as directory:
        export(other_checkpoint, directory, 17, {"pairs": "false"})
    return tmp_path / "exported-other"


@pytest.fixture
def slot(folder: Path) -> ModelSlot:
    """Version 1 of trec."""
    return ModelSlot(load_folder(folder, "trec", 1, "passed"))


@pytest.fixture
def metrics(slot: ModelSlot) -> Metrics:
    """Counts that start at zero."""
    return Metrics(slot.model)
