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


def recipe(place: Path, *slices: dict[str, Any]) -> Recipe:
    rows = [f"the answer is {n},{n % 2},{'north' if n < 30 else 'south'}\n" for n in range(60)]
    files = {split: place / f"{split}.csv" for split in ("train", "test")}
    for number, file in enumerate(files.values()):
        file.write_text("text,label,region\n" + "".join(rows).replace("answer", f"answer {number}"))
    source = {"origin": "files", **{split: str(file) for split, file in files.items()}}
    return Recipe.model_validate(
        {
            "name": "trec",
            "benchmark": {"kind": "text-classification", "source": source},
            "teacher": {"model": {"origin": "scratch"}},
            "evaluate": {"slices": list(slices)},
        }
    )


def test_slices_that_have_rows_pass(tmp_path: Path) -> None:
    column = {"method": "column", "column": "region", "min_rows": 2}
    found = inspect(recipe(tmp_path, {"method": "length", "edges": [8]}, column), tmp_path)
    assert list(found.data.test.columns) == ["region"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"method": "column", "column": "country"}, r"^evaluate.slices.1.column: .*'country'"),
        (
            {"method": "column", "column": "region", "min_rows": 61},
            r"^evaluate.slices.1.min_rows: ",
        ),
        ({"method": "pattern", "name": "x", "pattern": "zebra"}, r"^evaluate.slices.1.pattern: "),
    ],
)
def test_a_slice_that_would_never_be_judged_is_named(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        inspect(recipe(tmp_path, {"method": "length", "edges": [8]}, wrong), tmp_path)


def test_a_vocabulary_that_cannot_be_pruned_is_refused_before_anything_is_trained(
    tiny: Classifier, tmp_path: Path
) -> None:
    teacher = tmp_path / "teacher"
    teacher.mkdir()
    save(tiny, teacher)
    sections = {"teacher": {"model": {"origin": "directory", "path": teacher}}}
    wanted = {**recipe(tmp_path).model_dump(), **sections, "prune": [{"method": "vocabulary"}]}
    with pytest.raises(InputError, match=r"^prune: vocabulary: the tokenizer is WordLevel, which"):
        inspect(Recipe.model_validate(wanted), tmp_path)
