"""Contexts of quantization methods in tests."""

from __future__ import annotations

from coldpress.data.encoding import EncodedSplit
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.quantization.method import QuantizationContext
from coldpress.training.data import EpochsCallback, TrainingData, ignore_epochs
from coldpress.training.loop import target_loss


def label_context(
    rows: EncodedSplit, report_epochs: EpochsCallback = ignore_epochs
) -> QuantizationContext:
    """Build a context that trains on labels and validates on the same rows."""
    data = TrainingData(rows, target_loss(TEXT_CLASSIFICATION, rows.targets), rows)
    return QuantizationContext(data, report_epochs=report_epochs)
