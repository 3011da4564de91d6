"""Binary weights, and activations of few bits, reached in steps (BiT, Liu et al. 2022)."""

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
    """What one step has come to.

    Attributes:
        activation_bits: Of what arrives at the layers' linear modules.
        learnt: Rounds while it is trained; the next step starts from it.
        epochs: Of this step.
    """

    activation_bits: int
    learnt: Classifier
    epochs: tuple[Epoch, ...]


class Binary(Optimization):
    """Weights of one bit and activations of few, each step of which learns from the one before."""

    method: Literal["binary"]
    activation_bits: Annotated[
        Literal[1, 2, 4], Field(description="Of what arrives at the layers' linear modules.")
    ] = 4
    table_bits: Annotated[
        int, Field(ge=1, le=8, description="Of an entry of an embedding table.")
    ] = 4
    hidden_states: HiddenStateWeight = 1.0
    epochs: Annotated[Epochs, Field(description="Of each step: activations of 4, 2, 1 bits.")] = 3
    learning_rate: LearningRate = 2e-4

    @property
    def steps(self) -> tuple[int, ...]:
        """Bits of the activations, step by step."""
        return tuple(bits for bits in (4, 2, 1) if bits >= self.activation_bits)

    def train(self, classifier: Classifier, lessons: TrainingContext) -> QuantizationResult:
        """Fit classifiers of fewer and fewer bits, each to the inside of the one before.

        Args:
            classifier: The source, left as it is.
            lessons: What to learn from.

        Returns:
            A classifier that answers as ONNX Runtime will, whatever the batch.
        """
        from coldpress.quantization.core.fake_quant import to_integers
        from coldpress.quantization.method import QuantizationResult

        made = list(self.step_by_step(classifier, lessons))
        curves = {f"activations_{step.activation_bits}_bit": step.epochs for step in made}
        return QuantizationResult(to_integers(made[-1].learnt), curves)

    def step_by_step(
        self, classifier: Classifier, lessons: TrainingContext
    ) -> Iterator[BinarizationStep]:
        """Fit classifiers of fewer and fewer bits, and show each of them.

        Args:
            classifier: The source, left as it is.
            lessons: What to learn from.

        Yields:
            Steps; what is learnt may be settled, and is not to be changed.
        """
        from coldpress.quantization.bit.convert import binarize
        from coldpress.quantization.core.fake_quant import add_hidden_state_loss
        from coldpress.training.loop import fit

        taught_by = classifier
        for bits in self.steps:
            learnt = binarize(taught_by, bits, self.table_bits, lessons.train)
            minimised = add_hidden_state_loss(taught_by, lessons.loss, self.hidden_states)
            rows, told = lessons.validation, lessons.progress
            yield BinarizationStep(
                bits, learnt, fit(learnt, lessons.train, minimised, self, rows, told)
            )
            taught_by = learnt
