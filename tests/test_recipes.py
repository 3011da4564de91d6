"""The recipes that ship."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coldpress.data.sources import HubSource
from coldpress.recipe.loading import load_recipe
from coldpress.recipe.recipe import Recipe
from coldpress.teacher import spec
from coldpress.teacher.spec import HubModel

RECIPES = sorted((Path(__file__).parent.parent / "recipes").glob("*.yaml"))


def shipped(path: Path) -> Recipe:
    return load_recipe(str(path))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_has_the_name_of_its_file_and_a_description(path: Path) -> None:
    assert shipped(path).name == path.stem
    assert path.read_text().startswith("# ")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_hub_repositories_of_shipped_recipes_are_pinned_to_a_commit(path: Path) -> None:
    recipe = shipped(path)
    taken = (recipe.benchmark.source, recipe.teacher.model)
    for source in taken:
        if isinstance(source, HubSource | HubModel):
            assert re.fullmatch("[0-9a-f]{40}", source.revision)


def test_the_demo_needs_neither_hub_nor_files() -> None:
    recipe = shipped(next(path for path in RECIPES if path.stem == "demo"))
    origins = (recipe.benchmark.source.origin, recipe.teacher.model.origin)
    assert origins == ("synthetic", "scratch")
    spec.check_teacher_model(recipe.teacher.model)


@pytest.mark.parametrize("name", ["trec", "sst2", "banking77"])
def test_a_hub_recipe_runs_on_files_and_a_directory_instead(name: str) -> None:
    path = next(path for path in RECIPES if path.stem == name)
    recipe = load_recipe(
        str(path),
        [
            "benchmark.source.origin=files",
            "benchmark.source.train=train.jsonl",
            "benchmark.source.test=test.jsonl",
            "benchmark.columns.label=label",
            "teacher.model=./model",
        ],
    )
    assert recipe.benchmark.source.origin == "files"
    assert recipe.teacher.model.origin == "directory"
