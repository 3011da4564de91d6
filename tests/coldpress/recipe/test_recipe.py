"""The recipe and its JSON schema, which the Prefect UI renders as a form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from coldpress.recipe.recipe import Recipe
from coldpress.schema.stages import RESERVED_SUFFIXES
from tests.support.method_sections import DISTILLATION, WITHOUT_LAYERS, name_of

SCHEMA = Recipe.model_json_schema()


def recipe(**changes: object) -> Recipe:
    """Return the smallest recipe, with some sections changed."""
    smallest = {
        "name": "trec",
        "benchmark": {"kind": "text-classification", "source": {"origin": "synthetic"}},
        "teacher": {"model": {"origin": "scratch"}},
    }
    return Recipe.model_validate({**smallest, **changes})


def mappings(schema: object) -> Iterator[dict[str, Any]]:
    """Yield every mapping in a schema, at any depth."""
    if isinstance(schema, dict):
        yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for member in schema:
            yield from mappings(member)


def choices() -> list[list[str]]:
    """Return the names of the variants of every union in the form."""
    names = []
    for mapping in mappings(SCHEMA):
        refs = [v["$ref"].rpartition("/")[2] for v in mapping.get("anyOf", []) if "$ref" in v]
        names += [refs] if len(refs) > 1 else []
    return names


@pytest.mark.parametrize(
    "unsupported", ["oneOf", "discriminator", "const", "exclusiveMinimum", "exclusiveMaximum"]
)
def test_the_schema_has_no_keyword_that_breaks_the_form(unsupported: str) -> None:
    assert [mapping for mapping in mappings(SCHEMA) if unsupported in mapping] == []


def test_no_union_is_nested_in_another() -> None:
    variants = [v for mapping in mappings(SCHEMA) for v in mapping.get("anyOf", [])]
    assert variants
    assert [v for v in variants if "anyOf" in v] == []


@pytest.mark.parametrize(
    "variants",
    [
        {
            "SentenceColumns",
            "LabelColumns",
            "TargetColumns",
            "LabelListColumns",
            "RankingColumns",
            "TokenColumns",
        },
        {"SyntheticSource", "FilesSource", "HubSource"},
        {"NewRowsFile", "NewRowsHub"},
        {"HubModel", "DirectoryModel", "ScratchModel"},
        {"Logits", "DistilBert", "Hidden", "Relations"},
        {"Neurons", "Heads", "Magnitude"},
        {
            "DynamicInt8",
            "StaticInt8",
            "SmoothQuant",
            "KBit",
            "WeightOnly",
            "MixedPrecision",
            "Qat",
            "Binary",
        },
        {"ColumnSlices", "LengthSlices", "PatternSlice"},
    ],
    ids=lambda variants: "-".join(sorted(variants)),
)
def test_every_union_is_a_choice_in_the_form(variants: set[str]) -> None:
    assert any(variants <= set(choice) for choice in choices())


@pytest.mark.parametrize("variants", choices(), ids="-".join)
def test_the_form_can_tell_variants_apart_by_their_field_names(variants: list[str]) -> None:
    """The form selects the first variant with most matching keys: a subset must come first."""
    names = [set(SCHEMA["$defs"][variant]["properties"]) for variant in variants]
    too_late = [
        f"{later} must come before {earlier}"
        for position, later in enumerate(variants)
        for earlier, fields in zip(variants[:position], names, strict=False)
        if names[position] <= fields
    ]
    assert too_late == []


@pytest.mark.parametrize(
    "variants", [names for names in choices() if not names[0].endswith("Columns")], ids="-".join
)
def test_each_variant_requires_its_own_tag(variants: list[str]) -> None:
    """Columns of task kinds have no tag, nor has a teacher with a model, the usual one."""
    for variant in variants[variants[0] == "Teacher" :]:
        schema = SCHEMA["$defs"][variant]
        tag = next(name for name in ("method", "origin") if name in schema["properties"])
        assert len(schema["properties"][tag]["enum"]) == 1
        assert tag in schema["required"]


def test_each_number_and_text_of_the_form_has_a_description() -> None:
    undescribed = [
        f"{model}.{name}"
        for model, schema in {"Recipe": SCHEMA, **SCHEMA["$defs"]}.items()
        for name, field in schema["properties"].items()
        if "description" not in field and field.get("type") not in {None, "array"}
        if len(field.get("enum", [])) != 1
    ]
    assert undescribed == []


def test_each_section_of_the_form_has_a_description() -> None:
    assert [name for name, schema in SCHEMA["$defs"].items() if "description" not in schema] == []


@pytest.mark.parametrize("name", ["trec", "sst-2", "7", "teacher"])
def test_names_are_lower_case_digits_and_dashes(name: str) -> None:
    assert recipe(name=name).name == name


@pytest.mark.parametrize("name", ["", "Trec", "tre c", "trec/1", "trec@b", "trèc", "trec\n"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        recipe(name=name)


@pytest.mark.parametrize("ending", RESERVED_SUFFIXES)
def test_a_name_with_the_suffix_of_a_stage_is_refused(ending: str) -> None:
    with pytest.raises(ValidationError, match=f"'trec{ending}' ends in '{ending}'"):
        recipe(name=f"trec{ending}")


@pytest.mark.parametrize("column", ["body", "label"])
def test_the_text_and_label_columns_cannot_be_slices(column: str) -> None:
    benchmark = {
        "kind": "text-classification",
        "source": {"origin": "files", "train": "train.csv", "test": "test.csv"},
        "columns": {"text": "body"},
    }
    slices = [{"method": "length", "edges": [5]}, {"method": "column", "column": column}]
    with pytest.raises(ValidationError, match=f"evaluate.slices.1.column: '{column}' is bench"):
        recipe(benchmark=benchmark, evaluate={"slices": slices})


def test_stages_from_distill_to_quantize_may_be_skipped() -> None:
    smallest = recipe(distill=None, prune=None)
    assert (smallest.distill, smallest.prune, smallest.quantize) == (None, None, None)


def test_a_recipe_may_end_with_a_checkpoint() -> None:
    quantize = {"method": "dynamic-int8"}
    gate = {"max_drop": 0.1, "max_class_drop": 0.2, "max_bytes": 10, "max_calibration_error": 0.1}
    assert recipe(export=None, quantize=quantize, gate=gate).export is None
    assert recipe().export is not None


@pytest.mark.parametrize("field", ["min_speedup", "max_p95_ms", "max_label_change"])
def test_a_bound_of_the_file_is_refused_without_a_file(field: str) -> None:
    quantize = {"method": "dynamic-int8"}
    with pytest.raises(ValidationError, match=rf"gate\.{field}: not possible with export: null"):
        recipe(export=None, quantize=quantize, gate={field: 0.5})


def test_a_bound_of_groups_needs_groups() -> None:
    """Queries of a retrieval benchmark have no labels to be grouped by."""
    benchmark = {"kind": "sentence-embedding", "source": {"origin": "synthetic"}}
    sections = {"benchmark": benchmark, "gate": {"max_class_drop": 0.2}}
    with pytest.raises(ValidationError, match=r"gate\.max_class_drop: with benchmark\.kind sent"):
        recipe(**sections)
    by_length = [{"method": "length", "edges": [5]}]
    assert recipe(**sections, evaluate={"slices": by_length}).evaluate.slices


def test_a_teacher_alone_is_not_the_final_model() -> None:
    with pytest.raises(ValidationError, match="export: null, but nothing is distilled"):
        recipe(export=None, prune=[])


@pytest.mark.parametrize("text", ["./model", "../model", "/a/model", "~/model", "a/b/c"])
def test_a_teacher_that_looks_like_a_path_is_never_a_hub_id(text: str) -> None:
    assert recipe(teacher={"model": text}).model_teacher.model.origin == "directory"


@pytest.mark.parametrize("text", ["bert-base-uncased", "microsoft/deberta-v3-base"])
def test_any_other_plain_teacher_is_a_hub_id(text: str) -> None:
    model = recipe(teacher={"model": text}).model_teacher.model
    assert model.model_dump() == {"origin": "hub", "id": text, "revision": "main"}


def test_a_pruned_model_is_retrained_with_the_settings_of_distill() -> None:
    distill = {"method": "logits", "student": {"layers": 2}, "temperature": 7, "batch_size": 8}
    distilled = recipe(distill=distill)
    assert distilled.recovery == distilled.distill
    pretrained = {**distill, "student": {"layers": 2, "from": "./small"}}
    assert recipe(distill=pretrained).recovery == distilled.distill


def test_a_student_may_start_from_another_pretrained_model() -> None:
    sections = {"origin": "hub", "id": "tiny/encoder", "revision": "v1"}
    for model in ("./small", sections):
        small = recipe(distill={"method": "logits", "student": {"from": model}})
        assert small.student_model is not None
        assert small.model_dump()["distill"]["student"]["from"] == small.student_model.model_dump()
    assert recipe(distill={"method": "logits", "student": {"layers": 2}}).student_model is None


@pytest.mark.parametrize("section", DISTILLATION, ids=name_of)
def test_a_method_that_compares_activations_refuses_another_model(section: dict[str, Any]) -> None:
    pretrained = {**section, "student": {"layers": 2, "from": "./small"}}
    if section["method"] == "logits":
        assert recipe(distill=pretrained).student_model is not None
        return
    if section["method"] in WITHOUT_LAYERS:
        message = r"student\.layers: a (static|convolutional) student is not made of layers"
        with pytest.raises(ValidationError, match=message):
            recipe(distill=pretrained)
        return
    message = r"distill\.method: with distill\.student\.from only logits is possible"
    with pytest.raises(ValidationError, match=message):
        recipe(distill=pretrained)


def test_without_a_student_it_is_retrained_with_the_settings_of_the_teacher() -> None:
    teacher = {"model": {"origin": "scratch"}, "learning_rate": 1e-3, "batch_size": 8}
    recovery = recipe(teacher=teacher).recovery
    assert (recovery.learning_rate, recovery.batch_size) == (1e-3, 8)


def test_several_untrained_teachers_are_refused() -> None:
    teacher = {"model": "./teacher", "epochs": 0}
    with pytest.raises(ValidationError, match=r"several teachers need teacher\.epochs"):
        recipe(teacher=teacher, soft_targets={"teachers": 3})
    assert recipe(soft_targets={"teachers": 3}).soft_targets.teachers == 3


def test_a_recipe_round_trips_through_json() -> None:
    steps = [{"method": "heads", "keep_heads": 0.5}, {"method": "magnitude", "sparsity": 0.3}]
    source = {"origin": "files", "train": "train.csv", "test": "test.csv"}
    full = recipe(
        benchmark={"kind": "text-classification", "source": source},
        teacher={"model": "./teacher"},
        distill={"method": "logits", "student": {"from": "./small"}},
        prune=steps,
        quantize={"method": "static-int8"},
        gate={"min_speedup": 10},
    )
    assert Recipe.model_validate_json(full.model_dump_json()) == full
    assert Recipe.model_validate(full.model_dump(mode="json")) == full
