"""Operating points of a recipe, and checks of them before a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from coldpress.errors import InputError
from coldpress.evaluation.operating_points.cases import label_names, label_present
from coldpress.kinds.kind import TargetArray, TaskKind
from coldpress.schema.quoting import quote_names
from coldpress.schema.section import Section


class OperatingPointSection(Section):
    """A label, and what its threshold has to keep on the validation split."""

    label: Annotated[str, Field(min_length=1, description="Label that is told from all others.")]
    max_false_positive_rate: Annotated[
        float | None,
        Field(ge=0.0, le=1.0, description="Largest share of rows without the label that get it."),
    ] = None
    min_precision: Annotated[
        float | None,
        Field(ge=0.0, le=1.0, description="Smallest share of true labels among predicted ones."),
    ] = None

    @model_validator(mode="after")
    def _check_one_condition(self) -> Self:
        if (self.max_false_positive_rate is None) == (self.min_precision is None):
            raise ValueError("give either max_false_positive_rate or min_precision")
        return self


def check_kind(sections: Sequence[OperatingPointSection], kind: TaskKind) -> None:
    """Check that a kind can have operating points, and each label only one.

    Args:
        sections: The recipe's `evaluate.operating_points`.
        kind: Task kind of the benchmark.

    Raises:
        ValueError: It cannot, or a label has two; the message names the field.
    """
    if sections and not kind.has_labels:
        raise ValueError(
            f"evaluate.operating_points: not possible with benchmark.kind {kind.name}, whose texts"
            " have no labels with probabilities"
        )
    labels = [section.label for section in sections]
    for position, label in enumerate(labels):
        if label in labels[:position]:
            raise ValueError(
                f"evaluate.operating_points.{position}.label: {label!r} has two operating points"
            )


def check_rows(
    sections: Sequence[OperatingPointSection],
    kind: TaskKind,
    names: Sequence[str],
    splits: Mapping[str, TargetArray],
) -> None:
    """Check that every split has rows with and without the label of each operating point.

    Args:
        sections: The recipe's `evaluate.operating_points`.
        kind: Task kind of the benchmark.
        names: Names of the outputs.
        splits: Targets of the validation and the test split, by their names.

    Raises:
        InputError: A label is unknown, or has no such rows; the message names its field.
    """
    labels = label_names(kind, names)
    for position, section in enumerate(sections):
        field = f"evaluate.operating_points.{position}.label"
        if section.label not in labels:
            raise InputError(
                f"{field}: the benchmark has no label {section.label!r}, only {quote_names(labels)}"
            )
        for split, targets in splits.items():
            present = label_present(kind, targets, labels.index(section.label))
            if present.all() or not present.any():
                which = "without" if present.all() else "with"
                raise InputError(f"{field}: the {split} split has no row {which} {section.label!r}")
