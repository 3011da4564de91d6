"""Unstructured magnitude pruning (Han et al. 2015; See et al. 2016; Zhu & Gupta 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from coldpress.schema.section import Section

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.method import PruningContext


class Magnitude(Section):
    """Zero the smallest weights. Changes no shape: neither smaller on disk nor faster."""

    size_neutral: ClassVar[bool] = True

    method: Literal["magnitude"]
    sparsity: Annotated[
        float | None,
        Field(ge=0.0, le=0.99, description="Share of weights zeroed; none if there is a pattern."),
    ] = None
    pattern: Annotated[
        str | None,
        Field(
            pattern=r"^[1-9][0-9]?:[1-9][0-9]?$",
            description="n:m, such as 2:4: of every m neighbouring weights of a row n stay.",
        ),
    ] = None
    scheme: Annotated[
        Literal["class-blind", "class-uniform", "class-distribution"],
        Field(description="Compare all weights, those of a matrix, or in units of its spread."),
    ] = "class-blind"
    schedule: Annotated[
        Literal["one-shot", "cubic"],
        Field(description="Zero at once, or more and more while the model is trained."),
    ] = "one-shot"
    growth_epochs: Annotated[
        int, Field(ge=1, le=100, description="Training in which a cubic schedule zeroes.")
    ] = 1
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 1

    @model_validator(mode="after")
    def _says_how_many(self) -> Self:
        if (self.sparsity is None) == (self.pattern is None):
            raise ValueError("one of sparsity and pattern must be given, not both")
        if self.pattern is None:
            return self
        stay, of = self._stay_of
        if stay > of:
            raise ValueError(f"pattern: {stay} of every {of} weights cannot stay")
        if self.schedule != "one-shot" or self.scheme != "class-blind":
            raise ValueError(
                "pattern: its share is that of every row at once; leave schedule and scheme out"
            )
        return self

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.schedule == "one-shot" and self.growth_epochs != 1:
            raise ValueError(
                "growth_epochs: nothing grows at once; take schedule cubic, or leave it out"
            )
        return self

    @property
    def _stay_of(self) -> tuple[int, int]:
        stay, _, of = (self.pattern or "").partition(":")
        return int(stay), int(of)

    def prune(self, classifier: Classifier, evidence: PruningContext) -> Classifier:
        """Zero this share of the encoder's linear weights; data is needed to train alone.

        Args:
            classifier: The source, left as it is.
            evidence: Trains the model while a cubic schedule zeroes.

        Returns:
            A classifier of the same shapes.
        """
        from coldpress.pruning import gradual, sparsity

        if self.sparsity is None:
            return sparsity.keep_n_of_m(classifier, *self._stay_of)
        wanted = sparsity.SparsityTarget(self.sparsity, self.scheme)
        if self.schedule == "cubic" and self.sparsity > 0:
            return gradual.prune_gradually(classifier, wanted, self.growth_epochs, evidence.train)
        return sparsity.zero_smallest(classifier, wanted)
