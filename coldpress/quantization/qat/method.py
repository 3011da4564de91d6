"""Quantization-aware training with fake quantization of weights and activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.cpu import weight_bits
from coldpress.method import MethodSection
from coldpress.quantization.fields import Bits, ScaleGranularity, TableBits, resolve_table_bits
from coldpress.schema.section import Epochs, LearningRate, Optimization

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import QuantizationContext

HiddenStateWeight = Annotated[
    float,
    Field(ge=0.0, le=1000.0, description="Weight of the hidden-state loss; 0: logits only."),
]


class Qat(Optimization, MethodSection):
    """k-bit weights and int8 activations, trained on soft targets with fake quantization."""

    trains: ClassVar[bool] = True

    method: Literal["qat"]
    bits: Bits
    per: ScaleGranularity = "channel"
    table_bits: TableBits = None
    hidden_states: HiddenStateWeight = 1.0
    epochs: Epochs = 4
    learning_rate: LearningRate = 1e-4

    def quantize(self, classifier: Classifier, context: QuantizationContext) -> Classifier:
        """Train a fake-quantized copy on the soft targets and on the source's hidden states.

        Args:
            classifier: The source, not modified; provides the target hidden states.
            context: Data and callbacks.

        Returns:
            A classifier that computes what ONNX Runtime will compute, for any batch.
        """
        from coldpress.quantization.core.fake_quant import add_hidden_state_loss, to_integers
        from coldpress.quantization.qat.bit_widths import BitWidths, prepare_qat
        from coldpress.training.loop import fit

        data = context.data
        tables = resolve_table_bits(self.table_bits, self.bits)
        widths = BitWidths(min(self.bits, weight_bits()), weight_bits(), tables, self.per)
        student = prepare_qat(classifier, widths, data.train)
        loss = add_hidden_state_loss(classifier, data.loss, self.hidden_states)
        epochs = fit(student, data.train, loss, self, data.validation, context.progress)
        context.report_epochs("", epochs)
        return to_integers(student)
