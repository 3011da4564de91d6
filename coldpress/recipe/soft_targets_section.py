"""The recipe's `soft_targets` section."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

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
    engine: Annotated[
        Literal["local", "ray"],
        Field(description="What the teacher runs on: this process, or a Ray cluster."),
    ] = "local"
    num_gpus: Annotated[float, Field(ge=0, description="GPUs of each worker of a Ray cluster.")] = 0

    @model_validator(mode="after")
    def _check_engine(self) -> Self:
        if self.num_gpus and self.engine != "ray":
            raise ValueError("num_gpus: only with engine: ray")
        return self
