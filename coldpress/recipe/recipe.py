"""The recipe: everything that decides what comes out, one section a stage."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from coldpress.data.benchmark import BenchmarkSection
from coldpress.distillation import DistillationMethod, Logits, StudentShape
from coldpress.distillation.augmentation import Augmentation
from coldpress.evaluation import Evaluate
from coldpress.evaluation.subgroups import slices
from coldpress.gate import Gate
from coldpress.pruning import PruningStep
from coldpress.quantization import QuantizationMethod
from coldpress.schema.section import FlatChoice, Section, UserPath
from coldpress.schema.stages import RESERVED_SUFFIXES
from coldpress.teacher.spec import Teacher


class SoftTargetsSection(Section):
    """What the teacher's answers are kept for."""

    unlabelled: Annotated[
        UserPath | None,
        Field(description="More texts without labels: .jsonl, .csv or .parquet."),
    ] = None
    hidden_states: Annotated[
        bool, Field(description="Also keep the first token's hidden state after every layer.")
    ] = False
    teachers: Annotated[
        int, Field(ge=1, le=20, description="Teachers whose answers are averaged.")
    ] = 1
    augment: Annotated[
        Augmentation | None,
        Field(description="Variants of the texts to learn from; none: the texts."),
    ] = None


class Export(Section):
    """How the ONNX file is written."""

    opset: Annotated[int, Field(ge=17, le=20, description="ONNX operator set.")] = 17


class Recipe(Section):
    """One press of one model: what to read, what to do, what to promise."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9-]+$",
            max_length=100,
            description="Name of the registered model: lower case, digits, dashes.",
        ),
    ]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1, description="Every stage reseeds from it.")] = 0
    benchmark: BenchmarkSection
    teacher: Teacher
    soft_targets: SoftTargetsSection = SoftTargetsSection()
    distill: Annotated[
        DistillationMethod | None,
        Field(description="A smaller student learns from the teacher; none: the teacher stays."),
        FlatChoice(),
    ] = None
    prune: Annotated[
        list[Annotated[PruningStep, FlatChoice()]] | None,
        Field(description="What is taken out of the student, step by step; none: nothing."),
        FlatChoice(),
    ] = None
    quantize: Annotated[
        QuantizationMethod | None,
        Field(description="How weights become integers; none: they stay as they are."),
        FlatChoice(),
    ] = None
    export: Export = Export()
    evaluate: Evaluate = Evaluate()
    gate: Annotated[
        Gate | None, Field(description="Whether the model may be promoted; none: nobody judges it.")
    ] = None

    @model_validator(mode="after")
    def _name_is_free(self) -> Self:
        if self.name.endswith(RESERVED_SUFFIXES):
            ending = next(e for e in RESERVED_SUFFIXES if self.name.endswith(e))
            raise ValueError(f"name: {self.name!r} ends in {ending!r}, which a stage's models own")
        return self

    @model_validator(mode="after")
    def _teachers_differ(self) -> Self:
        if self.soft_targets.teachers > 1 and not self.teacher.epochs:
            raise ValueError(
                "soft_targets.teachers: with zero teacher.epochs they are all the same"
            )
        return self

    @model_validator(mode="after")
    def _slices_are_of_other_columns(self) -> Self:
        columns = self.benchmark.columns
        taken = {columns.text: "text", columns.text_pair: "text_pair", columns.label: "label"}
        for field, column in slices.required_columns(self.evaluate.slices):
            if column in taken:
                why = f"{column!r} is benchmark.columns.{taken[column]}"
                raise ValueError(f"{field}: {why}, and no slice; every label is judged anyway")
        return self

    @property
    def recovery(self) -> DistillationMethod:
        """How a pruned model is retrained: as the student was, or with the teacher's settings."""
        if self.distill is not None:
            return self.distill
        fitting = self.teacher.model_dump(exclude={"model", "labels", "epochs"})
        return Logits(method="logits", student=StudentShape(layers=1), **fitting)
