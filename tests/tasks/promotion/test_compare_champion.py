"""The present champion on the test texts of the model that would take its place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import foreign
import numpy as np
import pytest

from coldpress.data.encoding import encode
from coldpress.evaluation import predictions
from coldpress.evaluation.predictions import Predictions
from coldpress.gate.champion import Champion
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.export import export
from coldpress.recipe.recipe import Recipe
from tasks.execution import data
from tasks.promotion import compare_champion
from tasks.tracking import artifacts, registry, runs
from tasks.tracking.results import StageResult

TEXTS = {"calm": "slow oil", "fast": "fast press", "warm": "warm olive stone"}
FINAL = StageResult(stage="export_onnx", status="ran", digest="new")


@pytest.fixture
def recipe(state: Path, tmp_path: Path) -> Recipe:
    return reading(tmp_path / "rows.jsonl", list(TEXTS))


def reading(file: Path, labels: Sequence[str]) -> Recipe:
    """Five rows a label for training and for the test alike."""
    texts = zip(labels, TEXTS.values(), strict=True)
    rows = [{"text": f"{text} {n}", "label": name} for name, text in texts for n in range(5)]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    source = {"origin": "files", "train": file, "test": file}
    return Recipe.model_validate(
        {
            "name": "tiny",
            "benchmark": {"kind": "text-classification", "source": source},
            "teacher": {"model": {"origin": "scratch"}},
        }
    )


def given(recipe: Recipe, wrong: int) -> Predictions:
    """What the new model answered: the first rows wrongly, the rest rightly."""
    benchmark = data.load_benchmark(recipe)
    labels = np.array(benchmark.test.labels)
    said = labels.copy()
    said[:wrong] = (said[:wrong] + 1) % 3
    logits = {"onnx": np.eye(3, dtype=np.float32)[said]}
    return Predictions(benchmark.test.ids, benchmark.labels, labels, logits)


@pytest.fixture
def in_service(recipe: Recipe, tiny_checkpoint: Checkpoint, tmp_path: Path) -> str:
    """Register the tiny model as the champion, and return its digest."""
    with new_checkpoint(tmp_path / "old", Manifest(stage="export_onnx")) as directory:
        export(tiny_checkpoint, directory, 17, {"pairs": "false"})
    old = Checkpoint.open(tmp_path / "old")
    run_id = runs.open_run(runs.ensure_experiment("tiny"), "export_onnx", {})
    uri = artifacts.log_model(
        run_id, "tiny", artifacts.package_torch(old.path, tmp_path / "packed"), "export_onnx"
    )
    tags = {"digest": old.digest, "flow_run_id": "old-run", "stage": "export_onnx"}
    registry.register("tiny", uri, run_id, tags)
    runs.client().set_registered_model_alias("tiny", "champion", "1")
    return old.digest


def keep(recipe: Recipe, digest: str, said: Predictions, tmp_path: Path) -> None:
    """Leave an evaluation behind, as the champion's own run did."""
    experiment, tags = runs.ensure_experiment("tiny"), {"flow_run_id": "old-run"}
    parent = runs.open_run(experiment, "tiny", tags)
    stage = {**tags, "stage": "evaluate"}
    run_id = runs.open_run(experiment, "evaluate", stage, parent=parent)
    with new_checkpoint(tmp_path / "kept", Manifest(stage="evaluate")) as directory:
        predictions.write_predictions(said, directory)
    uri = artifacts.log_checkpoint(run_id, tmp_path / "kept", "evaluate")
    result = StageResult(stage="evaluate", status="ran", model_uri=uri, parents=("t", digest))
    runs.write_result(run_id, result)


def lose_files(state: Path) -> None:
    """Let nothing be left that could be asked."""
    (graph,) = (state / "artifacts").rglob("model.onnx")
    graph.unlink()


def test_without_a_champion_there_is_nothing_to_compare_with(recipe: Recipe) -> None:
    assert compare_champion.compare_with_champion(recipe, FINAL, given(recipe, 0)) is None


def test_a_champion_without_kept_answers_is_asked(
    recipe: Recipe, in_service: str, tiny: Classifier
) -> None:
    found = compare_champion.compare_with_champion(recipe, FINAL, given(recipe, 0))
    test = encode(tiny.tokenizer, data.load_benchmark(recipe).test)
    right = int((tiny.logits(test).argmax(-1).numpy() == test.labels).sum())
    assert 0 < right < 15, "a model that knows all or nothing shows little"
    assert found is not None
    assert found.comparison is not None
    assert (found.version, found.comparison.n) == ("tiny/1", 15)
    assert found.comparison.only_model_right == 15 - right
    assert found.comparison.only_baseline_right == 0


def test_the_same_model_again_does_not_differ_from_itself(
    recipe: Recipe, in_service: str, state: Path
) -> None:
    lose_files(state)
    same = FINAL.model_copy(update={"digest": in_service})
    found = compare_champion.compare_with_champion(recipe, same, given(recipe, 4))
    assert found is not None
    assert found.comparison is not None
    difference = found.comparison.difference
    assert (difference.estimate, difference.low, difference.high) == (0, 0, 0)


def test_answers_that_were_kept_are_not_asked_for_again(
    recipe: Recipe, in_service: str, state: Path, tmp_path: Path
) -> None:
    keep(recipe, in_service, given(recipe, wrong=2), tmp_path)
    lose_files(state)
    found = compare_champion.compare_with_champion(recipe, FINAL, given(recipe, wrong=5))
    assert found is not None
    assert found.comparison is not None
    assert (found.comparison.only_model_right, found.comparison.only_baseline_right) == (0, 3)


@pytest.mark.parametrize("other", ["rows", "model"])
def test_answers_to_other_rows_or_of_another_model_are_left_alone(
    recipe: Recipe, in_service: str, tmp_path: Path, other: str
) -> None:
    said = given(recipe, wrong=0)
    if other == "rows":
        said = Predictions(("x", *said.ids[1:]), said.label_names, said.labels, said.logits)
    keep(recipe, in_service if other == "rows" else "another", said, tmp_path)
    found = compare_champion.compare_with_champion(recipe, FINAL, given(recipe, wrong=0))
    assert found is not None
    assert found.comparison is not None
    assert found.comparison.only_model_right > 0


def test_a_champion_whose_files_are_gone_is_not_passed_over(
    recipe: Recipe, in_service: str, state: Path
) -> None:
    lose_files(state)
    found = compare_champion.compare_with_champion(recipe, FINAL, given(recipe, 0))
    assert found is not None
    assert found.comparison is None
    assert "model.onnx is not the file that was written" in found.obstacle


def test_a_champion_with_other_labels_cannot_be_compared_with(
    recipe: Recipe, in_service: str, tmp_path: Path
) -> None:
    changed = reading(tmp_path / "others.jsonl", ["calm", "fast", "hot"])
    found = compare_champion.compare_with_champion(changed, FINAL, given(changed, 0))
    assert found is not None
    assert (found.comparison, found.obstacle) == (None, "it knows other labels")


def test_a_champion_that_others_registered_cannot_be_compared_with(recipe: Recipe) -> None:
    number = foreign.register("tiny", "s3://bucket/model")
    runs.client().set_registered_model_alias("tiny", "champion", number)
    found = compare_champion.compare_with_champion(recipe, FINAL, given(recipe, 0))
    assert found == Champion("tiny/1", None, "it was not made by Coldpress")


def test_nor_with_one_whose_model_was_deleted(recipe: Recipe, in_service: str) -> None:
    source = str(registry.resolve("tiny/1").source)
    runs.client().delete_logged_model(source.removeprefix("models:/"))
    found = compare_champion.compare_with_champion(recipe, FINAL, given(recipe, 0))
    assert found == Champion("tiny/1", None, f"{source} was deleted in MLflow")
