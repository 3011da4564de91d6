"""Binary weights and low-bit activations, reached in steps (BiT, Liu et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field

from coldpress.quantization.qat.method import HiddenStateWeight
from coldpress.schema.section import Epochs, LearningRate, Optimization

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import QuantizationResult, TrainingContext
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


class Binary(Optimization):
    """One-bit weights and low-bit activations, distilled from each step to the next."""

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

    def train(self, classifier: Classifier, context: TrainingContext) -> QuantizationResult:
        """Train classifiers with fewer and fewer bits, each on the states of the one before.

        Args:
            classifier: The source, not modified.
            context: Rows, loss and progress callback.

        Returns:
            A classifier that computes what ONNX Runtime will compute, for any batch.
        """
        from coldpress.quantization.core.fake_quant import to_integers
        from coldpress.quantization.method import QuantizationResult

        steps = list(self.train_steps(classifier, context))
        curves = {f"activations_{step.activation_bits}_bit": step.epochs for step in steps}
        return QuantizationResult(to_integers(steps[-1].classifier), curves)

    def train_steps(
        self, classifier: Classifier, context: TrainingContext
    ) -> Iterator[BinarizationStep]:
        """Train classifiers with fewer and fewer bits, and yield each of them.

        Args:
            classifier: The source, not modified.
            context: Rows, loss and progress callback.

        Yields:
            Steps. Their classifiers may be converted to integers but must not be changed.
        """
        from coldpress.quantization.bit.convert import binarize
        from coldpress.quantization.core.fake_quant import add_hidden_state_loss
        from coldpress.training.loop import fit

        teacher = classifier
        for bits in self.steps:
            student = binarize(teacher, bits, self.table_bits, context.train)
            loss = add_hidden_state_loss(teacher, context.loss, self.hidden_states)
            epochs = fit(student, context.train, loss, self, context.validation, context.progress)
            yield BinarizationStep(bits, student, epochs)
            teacher = student
