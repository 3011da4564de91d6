"""Binary weights and low-bit activations, reached in steps (BiT, Liu et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from coldpress.method import MethodSection
from coldpress.quantization.qat.method import HiddenStateWeight
from coldpress.schema.section import Epochs, LearningRate, Optimization

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import QuantizationContext
    from coldpress.training.loop import Epoch


class BinarizationStep(NamedTuple):
    """The result of one step.

    Attributes:
        activation_bits: Bits of the inputs of the layers' linear modules.
        classifier: Still with fake quantization; it is the teacher of the next step.
        epochs: Training epochs of this step.
    """

    activation_bits: int
    classifier: Classifier
    epochs: tuple[Epoch, ...]


class Binary(Optimization, MethodSection):
    """One-bit weights and low-bit activations, distilled from each step to the next."""

    trains: ClassVar[bool] = True

    method: Literal["binary"]
    activation_bits: Annotated[
        Literal[1, 2, 4], Field(description="Bits of the inputs of the layers' linear modules.")
    ] = 4
    table_bits: Annotated[
        int, Field(ge=1, le=8, description="Bits of an embedding table entry.")
    ] = 4
    hidden_states: HiddenStateWeight = 1.0
    epochs: Annotated[Epochs, Field(description="Per step: activations of 4, 2, 1 bits.")] = 3
    learning_rate: LearningRate = 2e-4

    @property
    def steps(self) -> tuple[int, ...]:
        """Activation bits of each step."""
        return tuple(bits for bits in (4, 2, 1) if bits >= self.activation_bits)

    def quantize(self, classifier: Classifier, context: QuantizationContext) -> Classifier:
        """Train classifiers with fewer and fewer bits, each on the states of the one before.

        Args:
            classifier: The source, not modified.
            context: Data and callbacks.

        Returns:
            A classifier that computes what ONNX Runtime will compute, for any batch.
        """
        from coldpress.quantization.core.fake_quant import to_integers

        steps = list(self.train_steps(classifier, context))
        for step in steps:
            context.report_epochs(f"activations_{step.activation_bits}_bit", step.epochs)
        return to_integers(steps[-1].classifier)

    def train_steps(
        self, classifier: Classifier, context: QuantizationContext
    ) -> Iterator[BinarizationStep]:
        """Train classifiers with fewer and fewer bits, and yield each of them.

        Args:
            classifier: The source, not modified.
            context: Data and callbacks.

        Yields:
            Steps. Their classifiers may be converted to integers but must not be changed.
        """
        from coldpress.quantization.bit.convert import binarize
        from coldpress.quantization.core.fake_quant import add_hidden_state_loss
        from coldpress.training.loop import fit

        teacher, data = classifier, context.data
        for bits in self.steps:
            student = binarize(teacher, bits, self.table_bits, data.train)
            loss = add_hidden_state_loss(teacher, data.loss, self.hidden_states)
            epochs = fit(student, data.train, loss, self, data.validation, context.progress)
            yield BinarizationStep(bits, student, epochs)
            teacher = student
