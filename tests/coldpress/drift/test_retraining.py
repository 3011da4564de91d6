from __future__ import annotations

from pathlib import Path

import pytest

from coldpress.data.new_rows import NewRowsFile, NewRowsHub
from coldpress.drift.retraining import retraining_recipe
from coldpress.recipe.recipe import Recipe

FILE = NewRowsFile(origin="files", path=Path("/data/tonight.jsonl"))
HUB = NewRowsHub(origin="hub", dataset="tiny/rows", revision="c0ffee")


@pytest.fixture
def recipe() -> Recipe:
    return Recipe.model_validate(
        {
            "name": "trec",
            "benchmark": {"kind": "text-classification", "source": {"origin": "synthetic"}},
            "teacher": {"model": {"origin": "scratch"}},
        }
    )


def test_rows_with_labels_join_those_that_came_before_them(recipe: Recipe) -> None:
    once = retraining_recipe(recipe, HUB, labelled=True)
    assert once is not None
    twice = retraining_recipe(once, FILE, labelled=True)
    assert twice is not None
    assert twice.benchmark.fresh == (HUB, FILE)
    assert (recipe.benchmark.fresh, twice.soft_targets) == ((), recipe.soft_targets)


def test_the_same_rows_again_are_the_same_recipe(recipe: Recipe) -> None:
    """Every stage of the press is then reused: an answer given twice costs nothing."""
    once = retraining_recipe(recipe, FILE, labelled=True)
    assert once is not None
    assert retraining_recipe(once, FILE, labelled=True) == once


def test_a_file_without_labels_is_for_the_teacher_to_label(recipe: Recipe) -> None:
    found = retraining_recipe(recipe, FILE, labelled=False)
    assert found is not None
    assert (found.soft_targets.unlabelled, found.benchmark) == (FILE.path, recipe.benchmark)


def test_the_hub_without_labels_has_no_place_in_a_recipe(recipe: Recipe) -> None:
    assert retraining_recipe(recipe, HUB, labelled=False) is None


@pytest.mark.parametrize("labelled", [True, False])
def test_it_is_a_valid_recipe_in_json_too(recipe: Recipe, labelled: bool) -> None:
    found = retraining_recipe(recipe, FILE, labelled)
    assert found is not None
    assert Recipe.model_validate(found.model_dump(mode="json")) == found
