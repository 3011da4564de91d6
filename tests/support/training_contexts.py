"""Training contexts of quantization methods in tests."""

from __future__ import annotations

import torch

from coldpress.data.encoding import EncodedSplit
from coldpress.quantization.method import TrainingContext
from coldpress.training.loop import label_loss, no_progress


def label_context(rows: EncodedSplit) -> TrainingContext:
    """Build a context that trains on labels and validates on the same rows."""
    return TrainingContext(rows, label_loss(torch.from_numpy(rows.labels)), rows, no_progress)
