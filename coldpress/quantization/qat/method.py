"""Quantization-aware training: the model learns while it computes with rounded numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from coldpress.cpu import weight_bits
from coldpress.quantization.fields import Bits, ScaleGranularity, TableBits, resolve_table_bits
from coldpress.schema.section import Epochs, LearningRate, Optimization

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import QuantizationResult, TrainingContext

HiddenStateWeight = Annotated[
    float, Field(ge=0.0, le=1000.0, description="Weight of the hidden states; 0: logits alone.")
]


class Qat(Optimization):
    """Weights of k bits and bytes of activations, fitted to the teacher while they are rounded."""

    method: Literal["qat"]
    bits: Bits
    per: ScaleGranularity = "channel"
    table_bits: TableBits = None
    hidden_states: HiddenStateWeight = 1.0
    epochs: Epochs = 4
    learning_rate: LearningRate = 1e-4

    def train(self, classifier: Classifier, lessons: TrainingContext) -> QuantizationResult:
        """Fit a rounding copy of a classifier to the teacher's answers and to its own inside.

        Args:
            classifier: The source, left as it is; its hidden states are what is compared with.
            lessons: What to learn from.

        Returns:
            A classifier that answers as ONNX Runtime will, whatever the batch.
        """
        from coldpress.quantization.core.fake_quant import add_hidden_state_loss, to_integers
        from coldpress.quantization.method import QuantizationResult
        from coldpress.quantization.qat.bit_widths import BitWidths, prepare_qat
        from coldpress.training.loop import fit

        tables = resolve_table_bits(self.table_bits, self.bits)
        widths = BitWidths(min(self.bits, weight_bits()), weight_bits(), tables, self.per)
        learnt = prepare_qat(classifier, widths, lessons.train)
        minimised = add_hidden_state_loss(classifier, lessons.loss, self.hidden_states)
        rows, told = lessons.validation, lessons.progress
        epochs = fit(learnt, lessons.train, minimised, self, rows, told)
        return QuantizationResult(to_integers(learnt), {"": epochs})
