"""What is known to go wrong before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coldpress.errors import InputError
from coldpress.model import Classifier
from coldpress.model_files import save
from coldpress.preflight import inspect
from coldpress.recipe import Recipe


def recipe(*slices: dict[str, Any]) -> Recipe:
    source = {"origin": "synthetic", "train_examples": 60, "test_examples": 60}
    return Recipe.model_validate(
        {
            "name": "trec",
            "benchmark": {"kind": "text-classification", "source": source},
            "teacher": {"model": {"origin": "scratch"}},
            "evaluate": {"slices": list(slices)},
        }
    )


def test_slices_that_have_rows_pass(tmp_path: Path) -> None:
    column = {"method": "column", "column": "label", "min_rows": 2}
    found = inspect(recipe({"method": "length", "edges": [8]}, column), tmp_path)
    assert list(found.data.test.columns) == ["label"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"method": "column", "column": "region"}, r"^evaluate.slices.1.column: .*'region'"),
        ({"method": "column", "column": "label", "min_rows": 61}, r"^evaluate.slices.1.min_rows: "),
        ({"method": "pattern", "name": "x", "pattern": "zebra"}, r"^evaluate.slices.1.pattern: "),
    ],
)
def test_a_slice_that_would_never_be_judged_is_named(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        inspect(recipe({"method": "length", "edges": [8]}, wrong), tmp_path)


def test_a_vocabulary_that_cannot_be_pruned_is_refused_before_anything_is_trained(
    tiny: Classifier, tmp_path: Path
) -> None:
    teacher = tmp_path / "teacher"
    teacher.mkdir()
    save(tiny, teacher)
    sections = {"teacher": {"model": {"origin": "directory", "path": teacher}}}
    wanted = {**recipe().model_dump(), **sections, "prune": [{"method": "vocabulary"}]}
    with pytest.raises(InputError, match=r"^prune: vocabulary: the tokenizer is WordLevel, which"):
        inspect(Recipe.model_validate(wanted), tmp_path)
