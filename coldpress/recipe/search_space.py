"""The recipe's `search` section: the values that a search tries, by field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, WithJsonSchema, model_validator

from coldpress.schema.section import Section

Number = int | float


class Range(Section):
    """Numbers from `low` to `high`."""

    low: Annotated[Number, Field(description="Smallest value.")]
    high: Annotated[Number, Field(description="Largest value.")]
    step: Annotated[
        Number | None, Field(gt=0, description="Distance of neighbouring values; none: any value.")
    ] = None
    log: Annotated[
        bool, Field(description="Small values are as likely as large ones: for learning rates.")
    ] = False

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low is {self.low:g}, so high must be larger, not {self.high:g}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs a positive low, and no step")
        return self

    @property
    def is_integer(self) -> bool:
        """Whether only integers are tried: low, high and step are integers."""
        bounds = (self.low, self.high, 1 if self.step is None else self.step)
        return all(isinstance(bound, int) for bound in bounds)


_CHOICE = Discriminator(lambda values: "list" if isinstance(values, list) else "range")
Choices = Annotated[list[Any], Field(min_length=1, max_length=100)]
# The form edits it as JSON: it cannot render a union within an optional value.
SearchSpace = Annotated[
    dict[str, Annotated[Annotated[Choices, Tag("list")] | Annotated[Range, Tag("range")], _CHOICE]],
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""Choices or a range for each field, which is spelled as in `--set`: `distill.student.layers`."""


def examples(values: list[Any] | Range) -> Iterator[Any]:
    """Yield the values of a field that are checked before a search: all choices, or both ends."""
    if isinstance(values, Range):
        yield from (values.low, values.high)
    else:
        yield from values
