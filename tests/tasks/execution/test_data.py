"""Datasets of a recipe and their digests."""

from __future__ import annotations

import json
from pathlib import Path

from coldpress.recipe.preflight import run_preflight
from coldpress.recipe.recipe import Recipe
from coldpress.recipe.soft_targets_section import SoftTargetsSection
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


def test_columns_for_slices_change_the_evaluation_and_not_the_data(tmp_path: Path) -> None:
    first = recipe(tmp_path / "one", ("north", "south"))
    other_columns = recipe(tmp_path / "two", ("south", "south"))
    same = recipe(tmp_path / "same", ("north", "south"))
    assert data.load_benchmark(first).digest == data.load_benchmark(other_columns).digest
    assert data.columns_digest(first) != data.columns_digest(other_columns)
    assert data.columns_digest(first) == data.columns_digest(same)


def test_unlabelled_test_and_validation_texts_are_left_out(tmp_path: Path) -> None:
    plain = recipe(tmp_path / "data", ("north", "south"))
    benchmark = data.load_benchmark(plain)
    test = benchmark.test.texts
    validation = benchmark.validation.texts
    pool = [*(text.upper() for text in test), *validation, "new words"]
    (tmp_path / "pool.csv").write_text("\n".join(["text", *pool]) + "\n")
    leaking = plain.model_copy(
        update={"soft_targets": SoftTargetsSection(unlabelled=tmp_path / "pool.csv")}
    )
    filtered = data.load_unlabelled(leaking)
    assert filtered is not None
    assert (filtered.test, filtered.validation) == (2, len(set(validation) - set(test)))
    train = data.load_benchmark(leaking).train.texts
    assert data.load_transfer_set(leaking).texts == (*train, "new words")


def test_a_dataset_that_was_read_to_check_its_recipe_is_not_read_again(tmp_path: Path) -> None:
    checked = recipe(tmp_path / "data", ("north", "south"))
    report = run_preflight(checked, tmp_path)
    data.keep_benchmark(checked, report.data)
    (tmp_path / "data" / "train.jsonl").unlink()
    assert data.load_benchmark(checked) is report.data


def test_a_section_with_a_list_of_columns_is_read_once(tmp_path: Path) -> None:
    rows = [{"text": f"row {n}", "calm": n % 2, "warm": n % 3 == 0} for n in range(20)]
    for name in ("train.jsonl", "test.jsonl"):
        (tmp_path / name).write_text("\n".join(map(json.dumps, rows)))
    files = {"train": tmp_path / "train.jsonl", "test": tmp_path / "test.jsonl"}
    flags = Recipe.model_validate(
        {
            "name": "moods",
            "benchmark": {
                "kind": "multi-label",
                "source": {"origin": "files", **files},
                "columns": {"labels": ["calm", "warm"]},
            },
            "teacher": {"model": {"origin": "scratch"}},
        }
    )
    assert data.load_benchmark(flags).labels == ("calm", "warm")
    assert data.load_benchmark(flags) is data.load_benchmark(flags)
