"""The recipe's `teacher` section for answers that were computed elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from coldpress.schema.section import Section, UserPath

SPLITS = ("train", "validation", "test", "unlabelled")
"""The fields that name a file of answers."""


class AnswersTeacher(Section):
    """Answers that were computed elsewhere, such as by a large language model, without weights."""

    origin: Literal["answers"]
    train: Annotated[
        UserPath,
        Field(
            description="Answers for the training rows, and for validation rows cut from them:"
            " .jsonl, .csv or .parquet."
        ),
    ]
    validation: Annotated[
        UserPath | None, Field(description="Answers for a validation split of its own.")
    ] = None
    test: Annotated[
        UserPath | None,
        Field(description="Answers for the test rows; none: the teacher is not evaluated."),
    ] = None
    unlabelled: Annotated[
        UserPath | None, Field(description="Answers for the texts of soft_targets.unlabelled.")
    ] = None
    values: Annotated[
        Literal["probabilities", "log-probabilities"],
        Field(description="Scale of the numbers that belong to labels."),
    ] = "probabilities"
    id: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Column of data and answers that identifies a row; none: its texts do.",
        ),
    ] = None
    max_unanswered: Annotated[
        float,
        Field(
            ge=0.0,
            le=0.5,
            description="Largest share of rows without an answer; they are not trained on.",
        ),
    ] = 0.0

    @property
    def files(self) -> Iterator[tuple[str, Path]]:
        """The field and the path of each file."""
        for field in SPLITS:
            path = getattr(self, field)
            if path is not None:
                yield f"teacher.{field}", path
