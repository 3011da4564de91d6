"""The recipe's `teacher` section: a model on the hub, in a directory, or from scratch."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from coldpress.errors import InputError
from coldpress.schema.section import Epochs, FlatChoice, LearningRate, Optimization, Section
from coldpress.teacher.label_mapping import coerce_label_names
from coldpress.teacher.pretrained import (
    TEACHER_FIELD,
    DirectoryModel,
    HubModel,
    check_pretrained,
    coerce_model,
    pretrained_digest,
)


class ScratchModel(Section):
    """An encoder with these sizes, random weights and a tokenizer trained on the training split."""

    origin: Literal["scratch"]
    layers: Annotated[int, Field(ge=1, le=48, description="Encoder layers.")] = 4
    hidden_size: Annotated[
        int, Field(ge=8, le=4096, description="Width of the vectors between layers.")
    ] = 128
    heads: Annotated[
        int,
        Field(ge=1, le=64, description="Attention heads per layer; must divide the hidden size."),
    ] = 4
    neurons: Annotated[
        int, Field(ge=8, le=16384, description="Feed-forward neurons per layer.")
    ] = 512
    vocabulary_size: Annotated[
        int, Field(ge=100, le=200_000, description="Largest number of word pieces.")
    ] = 4000


TeacherModel = Annotated[HubModel | DirectoryModel | ScratchModel, Field(discriminator="origin")]


class Teacher(Optimization):
    """The large model. With zero epochs, a model that is fine-tuned already is used unchanged."""

    model: Annotated[
        TeacherModel,
        BeforeValidator(coerce_model),
        Field(description="The pretrained encoder, or the sizes of a new one."),
        FlatChoice(),
    ]
    labels: Annotated[
        dict[str, str] | None,
        BeforeValidator(coerce_label_names),
        Field(description="The benchmark's names of the model's labels, if they differ."),
    ] = None
    fit: Annotated[
        Literal["labels", "contrastive"],
        Field(
            description="Train on the labels; or a sentence encoder on pairs of texts with the same"
            " label and with different ones, for few labels."
        ),
    ] = "labels"
    pairs: Annotated[
        int,
        Field(ge=1, le=1000, description="Contrastive: pairs of either kind for each text."),
    ] = 20
    epochs: Epochs = 3
    learning_rate: LearningRate = 2e-4


def check_teacher_model(model: TeacherModel, field: str = TEACHER_FIELD) -> None:
    """Check a model as far as possible without loading or downloading its weights.

    Args:
        model: A teacher, or the model that a student starts from.
        field: The recipe's field that names it.

    Raises:
        InputError: It is not an encoder that Coldpress supports.
    """
    if isinstance(model, ScratchModel):
        if model.hidden_size % model.heads:
            raise InputError(
                f"{field}.heads: {model.heads} does not divide the hidden size {model.hidden_size}"
            )
    else:
        check_pretrained(model, field)


def content_digest(model: TeacherModel, field: str = TEACHER_FIELD) -> str:
    """Identify a model by its content.

    Args:
        model: A teacher, or the model that a student starts from.
        field: The recipe's field that names it.

    Returns:
        The commit on the hub, or a sha256 in hexadecimal of the files or of the sizes.

    Raises:
        InputError: The hub has no such model, or cannot be reached.
    """
    if isinstance(model, ScratchModel):
        return hashlib.sha256(model.model_dump_json().encode()).hexdigest()
    return pretrained_digest(model, field)
