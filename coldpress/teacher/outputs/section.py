"""The recipe's `teacher` section for models that are run for their outputs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from coldpress.schema.section import FlatChoice, Section
from coldpress.teacher.label_mapping import coerce_label_names
from coldpress.teacher.pretrained import DirectoryModel, HubModel, coerce_model

Model = Annotated[
    Annotated[HubModel | DirectoryModel, Field(discriminator="origin")],
    BeforeValidator(coerce_model),
    Field(description="A model on the hub or in a directory, as safetensors."),
    FlatChoice(),
]


class OutputsTeacher(Section):
    """A fine-tuned classifier of any family of transformers, used for its outputs alone."""

    origin: Literal["outputs"]
    model: Model
    label_names: Annotated[
        dict[str, str] | None,
        BeforeValidator(coerce_label_names),
        Field(description="The benchmark's names of the model's labels, if they differ."),
    ] = None


class ZeroShotTeacher(Section):
    """A model of natural language inference that tells for each label whether a text implies it."""

    origin: Literal["zero-shot"]
    model: Model
    labels: Annotated[
        dict[str, str],
        BeforeValidator(coerce_label_names),
        Field(min_length=1, description="A hypothesis for each label of the benchmark."),
    ]
