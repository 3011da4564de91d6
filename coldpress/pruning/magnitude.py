"""Unstructured magnitude pruning (Han et al. 2015; See et al. 2016; Zhu & Gupta 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from coldpress.method import MethodSection

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.context import PruningContext


class Magnitude(MethodSection):
    """Zero the smallest weights. No shape changes: the model gets neither smaller nor faster."""

    size_neutral: ClassVar[bool] = True

    method: Literal["magnitude"]
    sparsity: Annotated[
        float | None,
        Field(ge=0.0, le=0.99, description="Share of weights to zero; none with a pattern."),
    ] = None
    pattern: Annotated[
        str | None,
        Field(
            pattern=r"^[1-9][0-9]?:[1-9][0-9]?$",
            description="n:m, such as 2:4: n of every m neighbouring weights in a row stay.",
        ),
    ] = None
    scheme: Annotated[
        Literal["class-blind", "class-uniform", "class-distribution"],
        Field(
            description="Compare all weights, per matrix, or all in units of their matrix's spread."
        ),
    ] = "class-blind"
    schedule: Annotated[
        Literal["one-shot", "cubic"],
        Field(description="Zero at once, or gradually during training."),
    ] = "one-shot"
    growth_epochs: Annotated[
        int, Field(ge=1, le=100, description="Epochs of a cubic schedule.")
    ] = 1
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 1

    @model_validator(mode="after")
    def _check_target(self) -> Self:
        if (self.sparsity is None) == (self.pattern is None):
            raise ValueError("one of sparsity and pattern must be given, not both")
        if self.pattern is None:
            return self
        keep, size = self._pattern_numbers
        if keep > size:
            raise ValueError(f"pattern: cannot keep {keep} of every {size} weights")
        if self.schedule != "one-shot" or self.scheme != "class-blind":
            raise ValueError("pattern: applies to every row at once; leave out schedule and scheme")
        return self

    @model_validator(mode="after")
    def _check_schedule(self) -> Self:
        if self.schedule == "one-shot" and self.growth_epochs != 1:
            raise ValueError(
                "growth_epochs: only for the cubic schedule; set schedule to cubic or leave it out"
            )
        return self

    @property
    def trains(self) -> bool:
        """True if sparsity grows during training."""
        return self.schedule == "cubic"

    @property
    def _pattern_numbers(self) -> tuple[int, int]:
        keep, _, size = (self.pattern or "").partition(":")
        return int(keep), int(size)

    def prune(self, classifier: Classifier, context: PruningContext) -> Classifier:
        """Zero this share of the encoder's linear weights.

        Args:
            classifier: The source; not changed.
            context: Trains the model if the schedule is cubic; otherwise unused.

        Returns:
            A classifier of the same shapes.
        """
        from coldpress.pruning import gradual, sparsity

        if self.sparsity is None:
            return sparsity.keep_n_of_m(classifier, *self._pattern_numbers)
        target = sparsity.SparsityTarget(self.sparsity, self.scheme)
        if self.schedule == "cubic" and self.sparsity > 0:
            return gradual.prune_gradually(classifier, target, self.growth_epochs, context.train)
        return sparsity.zero_smallest(classifier, target)
