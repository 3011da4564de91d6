"""The recipe, and its JSON schema, which is the form that the Prefect UI draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from coldpress.recipe.recipe import Recipe
from coldpress.schema.stages import RESERVED_SUFFIXES

SCHEMA = Recipe.model_json_schema()


def recipe(**changes: object) -> Recipe:
    """The smallest recipe, with some sections changed."""
    smallest = {
        "name": "trec",
        "benchmark": {"kind": "text-classification", "source": {"origin": "synthetic"}},
        "teacher": {"model": {"origin": "scratch"}},
    }
    return Recipe.model_validate({**smallest, **changes})


def mappings(schema: object) -> Iterator[dict[str, Any]]:
    """Every mapping of a schema, however deep."""
    if isinstance(schema, dict):
        yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for member in schema:
            yield from mappings(member)


def choices() -> list[list[str]]:
    """Names of the models among which the form chooses, wherever it does."""
    found = []
    for mapping in mappings(SCHEMA):
        refs = [v["$ref"].rpartition("/")[2] for v in mapping.get("anyOf", []) if "$ref" in v]
        found += [refs] if len(refs) > 1 else []
    return found


@pytest.mark.parametrize(
    "broken", ["oneOf", "discriminator", "const", "exclusiveMinimum", "exclusiveMaximum"]
)
def test_the_form_has_nothing_that_breaks_in_the_browser(broken: str) -> None:
    assert [mapping for mapping in mappings(SCHEMA) if broken in mapping] == []


def test_no_choice_of_the_form_stands_in_another() -> None:
    variants = [v for mapping in mappings(SCHEMA) for v in mapping.get("anyOf", [])]
    assert variants
    assert [v for v in variants if "anyOf" in v] == []


@pytest.mark.parametrize(
    "variants",
    [
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
def test_the_form_chooses_where_a_recipe_does(variants: set[str]) -> None:
    assert any(variants <= set(choice) for choice in choices())


@pytest.mark.parametrize("variants", choices(), ids="-".join)
def test_the_form_can_tell_variants_apart_by_their_field_names(variants: list[str]) -> None:
    """The first tab is the variant with most matching keys: a subset must come first."""
    names = [set(SCHEMA["$defs"][variant]["properties"]) for variant in variants]
    for place, later in enumerate(names):
        assert not any(later <= earlier for earlier in names[:place])


@pytest.mark.parametrize("variants", choices(), ids="-".join)
def test_each_variant_requires_its_own_tag(variants: list[str]) -> None:
    for variant in variants:
        schema = SCHEMA["$defs"][variant]
        tag = next(name for name in ("method", "origin") if name in schema["properties"])
        assert len(schema["properties"][tag]["enum"]) == 1
        assert tag in schema["required"]


def test_each_number_and_text_of_the_form_says_what_it_is() -> None:
    silent = [
        f"{model}.{name}"
        for model, schema in {"Recipe": SCHEMA, **SCHEMA["$defs"]}.items()
        for name, field in schema["properties"].items()
        if "description" not in field and field.get("type") not in {None, "array"}
        if len(field.get("enum", [])) != 1
    ]
    assert silent == []


def test_each_section_of_the_form_says_what_it_is() -> None:
    assert [name for name, schema in SCHEMA["$defs"].items() if "description" not in schema] == []


@pytest.mark.parametrize("name", ["trec", "sst-2", "7", "teacher"])
def test_names_are_lower_case_digits_and_dashes(name: str) -> None:
    assert recipe(name=name).name == name


@pytest.mark.parametrize("name", ["", "Trec", "tre c", "trec/1", "trec@b", "trèc", "trec\n"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        recipe(name=name)


@pytest.mark.parametrize("ending", RESERVED_SUFFIXES)
def test_a_name_that_ends_as_a_stage_does_is_refused(ending: str) -> None:
    with pytest.raises(ValidationError, match=f"'trec{ending}' ends in '{ending}'"):
        recipe(name=f"trec{ending}")


@pytest.mark.parametrize("column", ["body", "label"])
def test_what_is_text_or_label_is_no_slice(column: str) -> None:
    benchmark = {
        "kind": "text-classification",
        "source": {"origin": "files", "train": "train.csv", "test": "test.csv"},
        "columns": {"text": "body"},
    }
    slices = [{"method": "length", "edges": [5]}, {"method": "column", "column": column}]
    with pytest.raises(ValidationError, match=f"evaluate.slices.1.column: '{column}' is bench"):
        recipe(benchmark=benchmark, evaluate={"slices": slices})


def test_stages_from_distill_to_quantize_may_be_left_out() -> None:
    smallest = recipe(distill=None, prune=None)
    assert (smallest.distill, smallest.prune, smallest.quantize) == (None, None, None)


@pytest.mark.parametrize("text", ["./model", "../model", "/a/model", "~/model", "a/b/c"])
def test_a_teacher_that_looks_like_a_path_is_never_a_hub_id(text: str) -> None:
    assert recipe(teacher={"model": text}).teacher.model.origin == "directory"


@pytest.mark.parametrize("text", ["bert-base-uncased", "microsoft/deberta-v3-base"])
def test_any_other_plain_teacher_is_a_hub_id(text: str) -> None:
    model = recipe(teacher={"model": text}).teacher.model
    assert model.model_dump() == {"origin": "hub", "id": text, "revision": "main"}


def test_a_pruned_model_recovers_as_its_student_was_trained() -> None:
    distill = {"method": "logits", "student": {"layers": 2}, "temperature": 7, "batch_size": 8}
    made = recipe(distill=distill)
    assert made.recovery == made.distill


def test_without_a_student_it_recovers_at_the_teachers_rate() -> None:
    teacher = {"model": {"origin": "scratch"}, "learning_rate": 1e-3, "batch_size": 8}
    recovery = recipe(teacher=teacher).recovery
    assert (recovery.learning_rate, recovery.batch_size) == (1e-3, 8)


def test_teachers_that_would_all_be_the_same_are_refused() -> None:
    teacher = {"model": "./teacher", "epochs": 0}
    with pytest.raises(ValidationError, match=r"several teachers need teacher\.epochs"):
        recipe(teacher=teacher, soft_targets={"teachers": 3})
    assert recipe(soft_targets={"teachers": 3}).soft_targets.teachers == 3


def test_a_recipe_turns_into_json_and_back_unchanged() -> None:
    steps = [{"method": "heads", "keep_heads": 0.5}, {"method": "magnitude", "sparsity": 0.3}]
    source = {"origin": "files", "train": "train.csv", "test": "test.csv"}
    full = recipe(
        benchmark={"kind": "text-classification", "source": source},
        teacher={"model": "./teacher"},
        prune=steps,
        quantize={"method": "static-int8"},
        gate={"min_speedup": 10},
    )
    assert Recipe.model_validate_json(full.model_dump_json()) == full
    assert Recipe.model_validate(full.model_dump(mode="json")) == full
