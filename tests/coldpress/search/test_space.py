"""Search spaces: the values of trials in recipes, and spaces that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from coldpress.errors import InputError
from coldpress.recipe.recipe import Recipe
from coldpress.recipe.search_space import Range
from coldpress.search.space import apply_trial_values, with_search_space

CONTENT: dict[str, Any] = {
    "name": "tiny",
    "benchmark": {"kind": "text-classification", "source": {"origin": "synthetic"}},
    "teacher": {
        "model": {
            "origin": "scratch",
            "layers": 3,
            "hidden_size": 32,
            "heads": 4,
            "neurons": 64,
            "vocabulary_size": 500,
        },
        "epochs": 1,
        "learning_rate": 1e-3,
    },
    "distill": {"method": "logits", "student": {"layers": 1}, "epochs": 1},
    "quantize": {"method": "dynamic-int8"},
}


def recipe(**changes: object) -> Recipe:
    return Recipe.model_validate({**CONTENT, **changes})


def test_values_are_set_as_by_assignments() -> None:
    values = {"distill.student.layers": 2, "quantize.method": "k-bit", "quantize.bits": 4}
    changed = apply_trial_values(recipe(search={"distill.epochs": [1]}), values)
    assert changed.distill is not None
    assert changed.distill.student.layers == 2
    assert changed.quantize is not None
    assert changed.quantize.model_dump()["bits"] == 4
    assert changed.search is None
    assert changed.teacher == recipe().teacher


def test_a_whole_section_may_be_a_value() -> None:
    steps = [{"method": "neurons", "keep_neurons": 0.5}]
    changed = apply_trial_values(recipe(), {"prune": steps})
    assert changed.prune is not None
    assert [step.method for step in changed.prune] == ["neurons"]


def methods(recipe: Recipe) -> list[str]:
    return [step.method for step in recipe.prune or ()]


def test_the_default_tries_layers_pruning_and_quantization() -> None:
    base, space = with_search_space(recipe())
    assert methods(base) == ["neurons", "heads", "vocabulary", "embeddings"]
    assert space == {
        "quantize.method": ["dynamic-int8", "static-int8"],
        "distill.student.layers": [2, 3],
        "prune.0.keep_neurons": [0.25, 0.5, 0.75],
        "prune.1.keep_heads": [0.25, 0.5, 0.75],
        "prune.3.rank": [8, 16, 24],
    }


def test_steps_that_a_recipe_lacks_are_added_behind_its_own() -> None:
    own = [{"method": "embeddings", "rank": 4}, {"method": "heads", "keep_heads": 0.5}]
    base, space = with_search_space(recipe(prune=own))
    assert methods(base) == ["embeddings", "heads", "vocabulary"]
    assert space["prune.0.rank"] == [2, 4, 6]
    assert space["prune.1.keep_heads"] == [0.25, 0.5, 0.75]


def test_the_default_for_a_narrow_student_tries_its_sizes() -> None:
    """The teacher has 3 layers, a width of 32, and 4 heads of 8 numbers; 64 neurons."""
    shape = {"layers": 1, "width": 16, "heads": 2, "neurons": 40}
    own = [{"method": "vocabulary"}]
    narrow = {"method": "logits", "student": shape, "epochs": 1}
    base, space = with_search_space(recipe(distill=narrow, prune=own))
    assert methods(base) == ["vocabulary"]
    assert space == {
        "quantize.method": ["dynamic-int8", "static-int8"],
        "distill.student.layers": [1, 2, 3],
        "distill.student.width": [16, 32],
        "distill.student.heads": [2, 4],
        "distill.student.neurons": [40],
    }


def test_a_static_student_is_not_pruned() -> None:
    base, space = with_search_space(recipe(distill={"method": "static"}, quantize=None))
    assert base.prune is None
    assert list(space) == ["distill.width", "distill.longest_ngram"]


def test_a_convolutional_student_has_filters_and_a_width_to_try() -> None:
    base, space = with_search_space(recipe(distill={"method": "convolution"}, quantize=None))
    assert base.prune is None
    assert list(space) == ["distill.width", "distill.filters"]


def test_a_recipe_may_have_a_space_of_its_own() -> None:
    own = {"distill.epochs": {"low": 1, "high": 4}, "distill.alpha": [0.5, 0.9]}
    base, space = with_search_space(recipe(search=own))
    assert base.prune is None
    assert space == {"distill.epochs": Range(low=1, high=4), "distill.alpha": [0.5, 0.9]}


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"distill.layer": [1]}, r"^search\.distill\.layer: 1: distill\.layer: unknown key"),
        ({"nothing": [1]}, r"^search\.nothing: 1: nothing: unknown key"),
        ({"distill.epochs": [1, -2]}, r"^search\.distill\.epochs: -2: distill\.epochs: "),
        ({"distill.alpha": {"low": 0.5, "high": 3.0}}, r"^search\.distill\.alpha: 3\.0: "),
        ({"quantize.method": ["int3"]}, r"^search\.quantize\.method: 'int3': "),
        ({"distill..epochs": [1]}, r"^search: 'distill\.\.epochs' is not a field"),
        ({}, "^search: no field to try"),
    ],
)
def test_unknown_fields_and_invalid_values_are_refused(space: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        with_search_space(recipe(search=space))


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"low": 2, "high": 1}, "high must be larger"),
        ({"low": 0.0, "high": 1.0, "log": True}, "log needs a positive low"),
    ],
)
def test_ranges_have_an_order(bounds: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Range.model_validate(bounds)
