"""Rows and a loss for the tiny model."""

from __future__ import annotations

import pytest

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.classifier import Classifier
from coldpress.pruning.context import PruningContext
from coldpress.training.data import TrainingData
from coldpress.training.loop import target_loss
from coldpress.training.step import Loss
from tests.support.pruning_context import PLAN


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    """The twelve rows, encoded."""
    return encode(tiny.tokenizer, split)


@pytest.fixture
def loss(rows: EncodedSplit) -> Loss:
    """Cross-entropy with the rows' labels."""
    return target_loss(TEXT_CLASSIFICATION, rows.targets)


@pytest.fixture
def context(rows: EncodedSplit, loss: Loss, split: Split) -> PruningContext:
    """The rows, their loss and texts, and training on them with three steps per epoch."""
    return PruningContext(TrainingData(rows, loss, rows), PLAN, split.all_texts)
