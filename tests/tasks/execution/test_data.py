"""What a recipe's data add to cache keys."""

from __future__ import annotations

import json
from pathlib import Path

from coldpress.recipe.recipe import Recipe, SoftTargetsSection
from tasks.execution import data


def recipe(folder: Path, regions: tuple[str, str]) -> Recipe:
    """Equal rows in another folder, sliced by region."""
    folder.mkdir()
    texts = [{"text": f"row {n}", "label": "cold" if n % 2 else "warm"} for n in range(20)]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, texts)))
    test = [{**texts[n], "region": region} for n, region in enumerate(regions)]
    (folder / "test.jsonl").write_text("\n".join(map(json.dumps, test)))
    files = {"train": folder / "train.jsonl", "test": folder / "test.jsonl"}
    return Recipe.model_validate(
        {
            "name": "trec",
            "benchmark": {"kind": "text-classification", "source": {"origin": "files", **files}},
            "teacher": {"model": {"origin": "scratch"}},
            "evaluate": {"slices": [{"method": "column", "column": "region", "min_rows": 1}]},
        }
    )


def test_other_values_to_slice_by_are_the_same_data_and_another_evaluation(tmp_path: Path) -> None:
    one = recipe(tmp_path / "one", ("north", "south"))
    two = recipe(tmp_path / "two", ("south", "south"))
    same = recipe(tmp_path / "same", ("north", "south"))
    assert data.load_benchmark(one).digest == data.load_benchmark(two).digest
    assert data.columns_digest(one) != data.columns_digest(two)
    assert data.columns_digest(one) == data.columns_digest(same)


def test_the_student_never_learns_from_texts_that_it_is_judged_on(tmp_path: Path) -> None:
    plain = recipe(tmp_path / "data", ("north", "south"))
    test, validation = (
        data.load_benchmark(plain).test.texts,
        data.load_benchmark(plain).validation.texts,
    )
    pool = [*(text.upper() for text in test), *validation, "new words"]
    (tmp_path / "pool.csv").write_text("\n".join(["text", *pool]) + "\n")
    leaking = plain.model_copy(
        update={"soft_targets": SoftTargetsSection(unlabelled=tmp_path / "pool.csv")}
    )
    found = data.load_unlabelled(leaking)
    assert found is not None
    assert (found.test, found.validation) == (2, len(set(validation) - set(test)))
    train = data.load_benchmark(leaking).train.texts
    assert data.load_transfer_set(leaking).texts == (*train, "new words")
