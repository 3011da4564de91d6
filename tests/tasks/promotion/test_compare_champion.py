"""Compare the champion with a new model on the same test rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

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
from tests.support import foreign_changes

TEXTS = {"calm": "slow oil", "fast": "fast press", "warm": "warm olive stone"}
FINAL = StageResult(stage="export_onnx", status="ran", digest="new")


@pytest.fixture
def recipe(state: Path, tmp_path: Path) -> Recipe:
    return write_recipe(tmp_path / "rows.jsonl", list(TEXTS))


def write_recipe(file: Path, labels: Sequence[str]) -> Recipe:
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


def predictions_with(recipe: Recipe, wrong: int) -> Predictions:
    """Predictions of the new model: wrong for the first rows, right for the rest."""
    benchmark = data.load_benchmark(recipe)
    labels = np.array(benchmark.test.targets)
    predicted = labels.copy()
    predicted[:wrong] = (predicted[:wrong] + 1) % 3
    logits = {"onnx": np.eye(3, dtype=np.float32)[predicted]}
    return Predictions(benchmark.test.ids, benchmark.kind, benchmark.labels, labels, logits)


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


def store_predictions(
    recipe: Recipe, digest: str, test_predictions: Predictions, tmp_path: Path
) -> None:
    """Store an evaluation, as the champion's own run did."""
    experiment = runs.ensure_experiment("tiny")
    tags = {"flow_run_id": "old-run"}
    parent = runs.open_run(experiment, "tiny", tags)
    stage = {**tags, "stage": "evaluate"}
    run_id = runs.open_run(experiment, "evaluate", stage, parent=parent)
    with new_checkpoint(tmp_path / "kept", Manifest(stage="evaluate")) as directory:
        predictions.write_predictions(test_predictions, directory)
    uri = artifacts.log_checkpoint(run_id, tmp_path / "kept", "evaluate")
    result = StageResult(stage="evaluate", status="ran", model_uri=uri, parents=("t", digest))
    runs.write_result(run_id, result)


def delete_model_file(state: Path) -> None:
    """Delete the champion's graph, so that it cannot predict."""
    (graph,) = (state / "artifacts").rglob("model.onnx")
    graph.unlink()


def test_without_a_champion_there_is_nothing_to_compare_with(recipe: Recipe) -> None:
    assert (
        compare_champion.compare_with_champion(recipe, FINAL, predictions_with(recipe, 0)) is None
    )


def test_a_champion_without_stored_predictions_predicts(
    recipe: Recipe, in_service: str, tiny: Classifier
) -> None:
    champion = compare_champion.compare_with_champion(recipe, FINAL, predictions_with(recipe, 0))
    test = encode(tiny.tokenizer, data.load_benchmark(recipe).test)
    right = int((tiny.logits(test).argmax(-1).numpy() == test.targets).sum())
    assert 0 < right < 15, "the model must be right for some rows only"
    assert champion is not None
    assert champion.comparison is not None
    assert (champion.version, champion.comparison.n) == ("tiny/1", 15)
    assert champion.comparison.only_model_right == 15 - right
    assert champion.comparison.only_baseline_right == 0


def test_the_same_model_again_does_not_differ_from_itself(
    recipe: Recipe, in_service: str, state: Path
) -> None:
    delete_model_file(state)
    same = FINAL.model_copy(update={"digest": in_service})
    champion = compare_champion.compare_with_champion(recipe, same, predictions_with(recipe, 4))
    assert champion is not None
    assert champion.comparison is not None
    difference = champion.comparison.difference
    assert (difference.estimate, difference.low, difference.high) == (0, 0, 0)


def test_stored_predictions_are_reused(
    recipe: Recipe, in_service: str, state: Path, tmp_path: Path
) -> None:
    store_predictions(recipe, in_service, predictions_with(recipe, wrong=2), tmp_path)
    delete_model_file(state)
    champion = compare_champion.compare_with_champion(
        recipe, FINAL, predictions_with(recipe, wrong=5)
    )
    assert champion is not None
    assert champion.comparison is not None
    assert (champion.comparison.only_model_right, champion.comparison.only_baseline_right) == (0, 3)


@pytest.mark.parametrize("difference", ["rows", "model"])
def test_stored_predictions_of_other_rows_or_models_are_ignored(
    recipe: Recipe, in_service: str, tmp_path: Path, difference: str
) -> None:
    test_predictions = predictions_with(recipe, wrong=0)
    if difference == "rows":
        test_predictions = Predictions(
            ("x", *test_predictions.ids[1:]),
            test_predictions.kind,
            test_predictions.names,
            test_predictions.targets,
            test_predictions.outputs,
        )
    store_predictions(
        recipe, in_service if difference == "rows" else "another", test_predictions, tmp_path
    )
    champion = compare_champion.compare_with_champion(
        recipe, FINAL, predictions_with(recipe, wrong=0)
    )
    assert champion is not None
    assert champion.comparison is not None
    assert (champion.comparison.only_model_right or 0) > 0


def test_a_champion_with_missing_files_is_not_skipped(
    recipe: Recipe, in_service: str, state: Path
) -> None:
    delete_model_file(state)
    champion = compare_champion.compare_with_champion(recipe, FINAL, predictions_with(recipe, 0))
    assert champion is not None
    assert champion.comparison is None
    assert "model.onnx is not the file that was written" in champion.obstacle


def test_a_champion_with_other_labels_cannot_be_compared_with(
    recipe: Recipe, in_service: str, tmp_path: Path
) -> None:
    changed = write_recipe(tmp_path / "others.jsonl", ["calm", "fast", "hot"])
    champion = compare_champion.compare_with_champion(changed, FINAL, predictions_with(changed, 0))
    assert champion is not None
    assert (champion.comparison, champion.obstacle) == (None, "it has other labels")


def test_a_champion_of_another_tool_cannot_be_compared_with(recipe: Recipe) -> None:
    number = foreign_changes.register("tiny", "s3://bucket/model")
    runs.client().set_registered_model_alias("tiny", "champion", number)
    champion = compare_champion.compare_with_champion(recipe, FINAL, predictions_with(recipe, 0))
    assert champion == Champion("tiny/1", None, "it was not made by Coldpress")


def test_a_champion_whose_model_was_deleted_cannot_be_compared_with(
    recipe: Recipe, in_service: str
) -> None:
    source = str(registry.resolve("tiny/1").source)
    runs.client().delete_logged_model(source.removeprefix("models:/"))
    champion = compare_champion.compare_with_champion(recipe, FINAL, predictions_with(recipe, 0))
    assert champion == Champion("tiny/1", None, f"{source} was deleted in MLflow")
