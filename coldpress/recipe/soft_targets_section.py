"""The recipe's `soft_targets` section."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from coldpress.distillation.augmentation import Augmentation
from coldpress.schema.section import Section, UserPath


class SoftTargetsSection(Section):
    """Texts that the teacher labels with soft targets."""

    unlabelled: Annotated[
        UserPath | None,
        Field(description="Unlabelled texts: .jsonl, .csv or .parquet."),
    ] = None
    hidden_states: Annotated[
        bool, Field(description="Also store the first token's hidden state after every layer.")
    ] = False
    teachers: Annotated[
        int, Field(ge=1, le=20, description="Number of teachers whose soft targets are averaged.")
    ] = 1
    augment: Annotated[
        Augmentation | None,
        Field(description="Add variants of the texts; none: only the texts."),
    ] = None
