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


def test_labelled_rows_are_appended(recipe: Recipe) -> None:
    once = retraining_recipe(recipe, HUB, labelled=True)
    assert once is not None
    twice = retraining_recipe(once, FILE, labelled=True)
    assert twice is not None
    assert twice.benchmark.fresh == (HUB, FILE)
    assert (recipe.benchmark.fresh, twice.soft_targets) == ((), recipe.soft_targets)


def test_the_same_rows_again_are_the_same_recipe(recipe: Recipe) -> None:
    """Every stage is then reused, so that retraining twice costs nothing."""
    once = retraining_recipe(recipe, FILE, labelled=True)
    assert once is not None
    assert retraining_recipe(once, FILE, labelled=True) == once


def test_an_unlabelled_file_becomes_soft_targets_unlabelled(recipe: Recipe) -> None:
    changed = retraining_recipe(recipe, FILE, labelled=False)
    assert changed is not None
    assert (changed.soft_targets.unlabelled, changed.benchmark) == (FILE.path, recipe.benchmark)


def test_unlabelled_hub_rows_have_no_recipe(recipe: Recipe) -> None:
    assert retraining_recipe(recipe, HUB, labelled=False) is None


@pytest.mark.parametrize("labelled", [True, False])
def test_the_retraining_recipe_is_valid_as_json(recipe: Recipe, labelled: bool) -> None:
    changed = retraining_recipe(recipe, FILE, labelled)
    assert changed is not None
    assert Recipe.model_validate(changed.model_dump(mode="json")) == changed
