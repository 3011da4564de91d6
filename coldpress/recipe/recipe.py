"""The recipe: settings of a run, one section per stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from coldpress.distillation import WITHOUT_LAYERS, DistillationMethod, Logits, StudentShape
from coldpress.distillation.languages import check_languages
from coldpress.evaluation import Evaluate
from coldpress.evaluation.operating_points.section import check_kind
from coldpress.evaluation.subgroups import slices
from coldpress.gate import Gate
from coldpress.kinds import KindSection, task_kind
from coldpress.method import Method
from coldpress.pruning import PruningStep
from coldpress.quantization import QuantizationMethod
from coldpress.recipe.contrastive_teacher import check_contrastive
from coldpress.recipe.export_section import Export, check_without_file
from coldpress.recipe.external_teacher import check_external_gate, check_external_teacher
from coldpress.recipe.gate_section import check_gate
from coldpress.recipe.placement import Placement
from coldpress.recipe.presets import PresetName, fill_in_preset
from coldpress.recipe.search_space import SearchSpace
from coldpress.recipe.soft_targets_section import SoftTargetsSection
from coldpress.recipe.student_without_layers import check_student_without_layers
from coldpress.schema.section import FlatChoice, MergedChoice, Section
from coldpress.schema.stages import RESERVED_SUFFIXES
from coldpress.teacher.section import TeacherSection
from coldpress.teacher.spec import Teacher, TeacherModel


class Recipe(Section):
    """Settings of a run: data, teacher, compression methods and gate."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9-]+$",
            max_length=100,
            description="Name of the registered model: lower case, digits, dashes.",
        ),
    ]
    seed: Annotated[
        int, Field(ge=0, le=2**31 - 1, description="Every stage derives its seed from it.")
    ] = 0
    processes: Annotated[
        int,
        Field(ge=1, le=64, description="Processes that train together, one for each GPU or core."),
    ] = 1
    preset: Annotated[
        PresetName | None,
        Field(description="Fills in distill, prune and quantize where they are omitted."),
    ] = None
    benchmark: Annotated[
        KindSection, Field(description="Dataset, task kind and splits."), MergedChoice()
    ]
    teacher: Annotated[TeacherSection, FlatChoice()]
    soft_targets: SoftTargetsSection = SoftTargetsSection()
    distill: Annotated[
        DistillationMethod | None,
        Field(description="Distill a smaller student; none: the teacher itself is compressed."),
        FlatChoice(),
    ] = None
    prune: Annotated[
        list[Annotated[PruningStep, FlatChoice()]] | None,
        Field(description="Pruning steps, in order; none: nothing is pruned."),
        FlatChoice(),
    ] = None
    quantize: Annotated[
        QuantizationMethod | None,
        Field(description="Quantization method; none: the weights stay in floating point."),
        FlatChoice(),
    ] = None
    export: Annotated[
        Export | None,
        Field(description="Settings of the ONNX export; none: the last checkpoint is final."),
        FlatChoice(),
    ] = Export()
    evaluate: Evaluate = Evaluate()
    gate: Annotated[
        Gate | None, Field(description="Conditions for promotion; none: no conditions are checked.")
    ] = None
    search: Annotated[
        SearchSpace | None,
        Field(description="Values that a search tries, by field; none: those of most recipes."),
    ] = None
    placement: Placement = Placement()

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, content: object) -> object:
        return fill_in_preset(content) if isinstance(content, Mapping) else content

    @model_validator(mode="after")
    def _check_name(self) -> Self:
        if self.name.endswith(RESERVED_SUFFIXES):
            ending = next(suffix for suffix in RESERVED_SUFFIXES if self.name.endswith(suffix))
            raise ValueError(
                f"name: {self.name!r} ends in {ending!r}, which is reserved for models of stages"
            )
        return self

    @model_validator(mode="after")
    def _check_teachers_differ(self) -> Self:
        if not isinstance(self.teacher, Teacher):
            return self
        if self.soft_targets.teachers > 1 and not self.teacher.epochs:
            raise ValueError(
                "soft_targets.teachers: several teachers need teacher.epochs of at least 1;"
                " without training they are all the same"
            )
        return self

    @model_validator(mode="after")
    def _check_contrastive(self) -> Self:
        if isinstance(self.teacher, Teacher) and self.teacher.fit == "contrastive":
            check_contrastive(self.teacher, self.benchmark, self.soft_targets.teachers)
        return self

    @model_validator(mode="after")
    def _check_train_labels(self) -> Self:
        if self.benchmark.train_labels:
            return self
        if isinstance(self.teacher, Teacher) and self.teacher.epochs:
            raise ValueError(
                f"teacher.epochs: {self.teacher.epochs}, but benchmark.train_labels is false: there"
                " is nothing to train on; set it to 0"
            )
        if self.distill is None:
            raise ValueError("distill: required if benchmark.train_labels is false")
        return self

    @model_validator(mode="after")
    def _check_slice_columns(self) -> Self:
        fields = self.benchmark.columns.columns_by_field
        keys = {column: field for field, columns in fields.items() for column in columns}
        for field, column in slices.required_columns(self.evaluate.slices):
            if column in keys:
                raise ValueError(
                    f"{field}: {column!r} is benchmark.columns.{keys[column]}; slices are made by"
                    " other columns"
                )
        return self

    @model_validator(mode="after")
    def _check_gate(self) -> Self:
        kind = task_kind(self.benchmark.task_kind_name)
        check_kind(self.evaluate.operating_points, kind)
        if self.gate is not None:
            check_gate(self.gate, kind, self.evaluate)
        return self

    @model_validator(mode="after")
    def _check_answers(self) -> Self:
        if not isinstance(self.teacher, Teacher):
            check_external_teacher(self.teacher, self.soft_targets, self.distill)
            if self.gate is not None:
                check_external_gate(self.teacher, self.gate)
        return self

    @model_validator(mode="after")
    def _check_student_fits_kind(self) -> Self:
        kind = task_kind(self.benchmark.task_kind_name)
        for field in ("dimension", "vocabulary"):
            value = None if self.distill is None else getattr(self.distill.student, field)
            if value is not None and kind.head != "sentence":
                raise ValueError(
                    f"distill.student.{field}: not possible with benchmark.kind {kind.name}, whose"
                    " models return no vectors"
                )
        return self

    @model_validator(mode="after")
    def _check_layers(self) -> Self:
        if self.distill is None:
            return self
        if isinstance(self.distill, WITHOUT_LAYERS):
            kind = task_kind(self.benchmark.task_kind_name)
            name = self.distill.method
            check_student_without_layers(name, kind, self.prune, self.quantize)
            return self
        student = self.distill.student
        if student.layers is None and student.from_ is None:
            raise ValueError("distill.student.layers: field required")
        return self

    @model_validator(mode="after")
    def _check_languages(self) -> Self:
        translated = "translations" in self.benchmark.columns.columns_by_field
        if self.distill is not None:
            check_languages(self.distill, translated)
        if self.soft_targets.augment is not None and translated:
            raise ValueError(
                "soft_targets.augment: not possible with translations, whose words the teacher"
                " does not know"
            )
        return self

    @model_validator(mode="after")
    def _check_final_checkpoint(self) -> Self:
        if self.export is not None:
            return self
        check_without_file(self.methods, self.gate)
        return self

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods of all stages, in order."""
        methods = (self.distill, *(self.prune or ()), self.quantize)
        return tuple(method for method in methods if method is not None)

    @property
    def model_teacher(self) -> Teacher:
        """The teacher's section, if its weights are used.

        Raises:
            TypeError: Only its outputs are used.
        """
        if not isinstance(self.teacher, Teacher):
            raise TypeError(f"teacher.origin: {self.teacher.origin}, not a model to train")
        return self.teacher

    @property
    def student_model(self) -> TeacherModel | None:
        """The model that the student is made from; None if that is the teacher."""
        return None if self.distill is None else self.distill.student.from_

    @property
    def initial_model(self) -> TeacherModel:
        """The model that all later ones are made from: the student's own, or the teacher."""
        return self.student_model or self.model_teacher.model

    @property
    def recovery(self) -> DistillationMethod:
        """Settings to retrain a pruned model: those of distill, or else of the teacher."""
        if self.distill is not None:
            student = self.distill.student.without_from()
            return self.distill.model_copy(update={"student": student})
        optimization = self.model_teacher.model_dump(
            exclude={"model", "labels", "fit", "pairs", "epochs"}
        )
        return Logits(method="logits", student=StudentShape(layers=1), **optimization)
