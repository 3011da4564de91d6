"""Interface of distillation methods, and the context they work in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from coldpress.method import Method
from coldpress.training.data import ignore_epochs
from coldpress.training.step import no_progress

if TYPE_CHECKING:
    from coldpress.data.splits import Split
    from coldpress.distillation.student import StudentShape
    from coldpress.model.classifier import Classifier
    from coldpress.training.data import EpochsCallback, TrainingData
    from coldpress.training.step import ProgressCallback


@dataclass(frozen=True)
class DistillationContext:
    """Data and callbacks for a distillation method.

    Attributes:
        data: The transfer set and its loss.
        rows: The transfer set as texts, to initialise the student.
        progress: Called after each training step.
        report_epochs: Called with the epochs of each phase.
    """

    data: TrainingData
    rows: Split
    progress: ProgressCallback = no_progress
    report_epochs: EpochsCallback = ignore_epochs


class Distillation(Method, Protocol):
    """The `distill` section of a recipe."""

    @property
    def compares_activations(self) -> bool:
        """True if the student must read the same tokens as the teacher, in layers like its own."""

    @property
    def student(self) -> StudentShape:
        """Sizes of the student."""

    @property
    def temperature(self) -> float:
        """Temperature of the soft targets."""

    @property
    def alpha(self) -> float:
        """Weight of the soft targets; that of the labels is 1 - alpha."""

    def distill(self, classifier: Classifier, context: DistillationContext) -> Classifier:
        """Return a trained student.

        Args:
            classifier: The teacher; not changed. Without a comparison of activations, it may be
                another model: the student is made from it and learns from the context's data.
            context: Data and callbacks.
        """
