"""Base class of the recipe's `benchmark` section."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, Strict

from coldpress.data.new_rows import NewRowsSource
from coldpress.data.sources import Columns, Source
from coldpress.schema.section import FlatChoice, Section


class BenchmarkSection(Section):
    """Dataset and splits; each task kind adds its name and its columns.

    Attributes:
        kind: Name of the task kind.
        columns: Columns of the texts and targets.
    """

    kind: str
    source: Annotated[Source, Field(description="Source of the rows."), FlatChoice()]
    fresh: Annotated[
        tuple[Annotated[NewRowsSource, FlatChoice()], ...],
        Strict(False),
        Field(
            max_length=100, description="Labelled rows collected later; they join train and test."
        ),
    ] = ()
    columns: Columns
    train_labels: Annotated[
        bool,
        Field(description="Whether training rows have labels; without, the teacher labels them."),
    ] = True
    validation_share: Annotated[
        float,
        Field(ge=0.01, le=0.5, description="Share cut from train if there is no validation split."),
    ] = 0.1
    max_tokens: Annotated[
        int, Field(ge=8, le=8192, description="Longer texts are truncated, and counted.")
    ] = 128

    @property
    def task_kind_name(self) -> str:
        """Name of the task kind in `coldpress.kinds`."""
        return self.kind
