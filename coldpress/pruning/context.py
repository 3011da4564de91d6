"""The context that pruning methods work in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property

from coldpress.model.activations import TeacherStudentLoss
from coldpress.model.classifier import Classifier
from coldpress.pruning.method import LayerTimer
from coldpress.pruning.sparsity import hold_zeros
from coldpress.schema.section import Optimization
from coldpress.training.data import EpochsCallback, TrainingData, ignore_epochs
from coldpress.training.loop import Epoch, fit, train_epochs
from coldpress.training.step import Loss, ProgressCallback, no_progress

SAMPLE_ROWS = 1024


@dataclass(frozen=True)
class PruningContext:
    """Data, settings and callbacks for pruning methods and for retraining.

    Attributes:
        data: The transfer set and its loss.
        plan: Settings of training; each step has its own number of epochs.
        texts: All training texts, not encoded.
        progress: Called after each training step.
        report_epochs: Called when a method has trained.
        time_layers: Measures layers on this machine; None if that is not possible.
        keep_zeros: Training keeps weights that are zero, since an earlier step zeroed them.
    """

    data: TrainingData
    plan: Optimization
    texts: Sequence[str] = ()
    progress: ProgressCallback = no_progress
    report_epochs: EpochsCallback = ignore_epochs
    time_layers: LayerTimer | None = None
    keep_zeros: bool = False

    @cached_property
    def sample(self) -> TrainingData:
        """Training rows to measure importance on, and their loss."""
        return self.data.sample(SAMPLE_ROWS)

    def train(
        self,
        classifier: Classifier,
        epochs: int,
        progress: ProgressCallback,
        adapt_loss: Callable[[Loss], Loss | TeacherStudentLoss] | None = None,
    ) -> None:
        """Train a classifier in place and keep its last epoch.

        Args:
            classifier: Changed in place.
            epochs: Passes over the training rows.
            progress: Called after each step, when the weights have been updated.
            adapt_loss: Turns the loss over all rows into the one to minimise.
        """

        def report_step(step: int, steps: int, loss: float) -> None:
            progress(step, steps, loss)
            self.progress(step, steps, loss)

        data, plan = self.data, self._plan_for(epochs)
        loss = data.loss if adapt_loss is None else adapt_loss(data.loss)
        with self._hold_zeros_if_sparse(classifier):
            run = train_epochs(classifier, data.train, loss, plan, data.validation, report_step)
            self.report_epochs("", tuple(run))

    def retrain(self, classifier: Classifier, epochs: int) -> tuple[Epoch, ...]:
        """Train a pruned classifier in place and keep its best epoch.

        Args:
            classifier: Changed in place.
            epochs: Passes over the training rows.
        """
        data, plan = self.data, self._plan_for(epochs)
        with self._hold_zeros_if_sparse(classifier):
            return fit(classifier, data.train, data.loss, plan, data.validation, self.progress)

    def _plan_for(self, epochs: int) -> Optimization:
        return self.plan.model_copy(update={"epochs": epochs})

    def _hold_zeros_if_sparse(self, classifier: Classifier) -> AbstractContextManager[None]:
        return hold_zeros(classifier) if self.keep_zeros else nullcontext()
