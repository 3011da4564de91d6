"""The recipes that ship."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel

from coldpress.data.sources import HubSource
from coldpress.kinds import KindSection
from coldpress.recipe.loading import load_recipe
from coldpress.recipe.recipe import Recipe
from coldpress.teacher import spec
from coldpress.teacher.pretrained import HubModel

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
    taken = (recipe.benchmark.source, recipe.model_teacher.model)
    for source in taken:
        if isinstance(source, HubSource | HubModel):
            assert re.fullmatch("[0-9a-f]{40}", source.revision)


def test_the_demo_needs_neither_hub_nor_files() -> None:
    recipe = shipped(next(path for path in RECIPES if path.stem == "demo"))
    origins = (recipe.benchmark.source.origin, recipe.model_teacher.model.origin)
    assert origins == ("synthetic", "scratch")
    spec.check_teacher_model(recipe.model_teacher.model)


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
    assert recipe.model_teacher.model.origin == "directory"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_form_may_send_empty_fields_of_other_kinds(path: Path) -> None:
    """Prefect's form sends a null for each field of the merged kinds that nobody filled in."""
    recipe = yaml.safe_load(path.read_text())
    benchmark = recipe["benchmark"]
    kinds = get_args(get_args(KindSection)[0])
    recipe["benchmark"] = null_fields(kinds) | benchmark
    columns = null_fields([kind.model_fields["columns"].annotation for kind in kinds])
    assert "translations" in columns
    recipe["benchmark"]["columns"] = columns | benchmark.get("columns", {})
    assert Recipe.model_validate(recipe) == shipped(path)


def null_fields(sections: Iterable[type[BaseModel]]) -> dict[str, None]:
    """Fields that are null by default in every section that has them."""
    fields = [field for section in sections for field in section.model_fields.items()]
    filled = {name for name, field in fields if field.default is not None}
    return {name: None for name, _ in fields if name not in filled}
