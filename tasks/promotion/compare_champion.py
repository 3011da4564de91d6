"""Compare the final model with the champion on the same test rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from mlflow.entities.model_registry import ModelVersion

from coldpress.errors import CorruptCheckpointError
from coldpress.evaluation import predictions
from coldpress.gate import champion
from coldpress.gate.champion import Champion
from coldpress.model.checkpoint import Checkpoint
from coldpress.onnx.predictor import Predictor
from tasks.execution import data
from tasks.tracking import artifacts, history, registry, versions
from tasks.tracking.results import StageResult

if TYPE_CHECKING:
    from coldpress.data.splits import Split
    from coldpress.evaluation.predictions import Predictions
    from coldpress.recipe.recipe import Recipe


class _IncomparableError(Exception):
    """The champion cannot predict these rows; the message completes a sentence."""


def compare_with_champion(
    recipe: Recipe, onnx: StageResult, test_predictions: Predictions
) -> Champion | None:
    """Compare the final model with the current champion of its name.

    Args:
        recipe: The recipe of the model and its test rows.
        onnx: The final model.
        test_predictions: Test predictions of this run's models.

    Returns:
        The champion with the comparison, or with the obstacle that prevents it; None if there is
        no champion.
    """
    version = registry.version_with_alias(recipe.name, registry.CHAMPION)
    if version is None:
        return None
    name = f"{recipe.name}/{version.version}"
    correct = test_predictions.correct(test_predictions.final)
    if not versions.is_own(version):
        return Champion(name, None, "it was not made by Coldpress")
    if version.tags.get("digest") == onnx.digest:
        return champion.identical_champion(name, correct, test_predictions.labels)
    try:
        baseline = _champion_correctness(version, recipe, test_predictions)
    except (_IncomparableError, CorruptCheckpointError) as error:
        return Champion(name, None, str(error))
    return champion.compare_with_champion(name, correct, baseline, test_predictions.labels)


def _champion_correctness(
    version: ModelVersion, recipe: Recipe, test_predictions: Predictions
) -> champion.Correct:
    """Return per row if the champion is right, from its stored predictions or by predicting."""
    stored_predictions = _load_predictions(version)
    if stored_predictions is not None and champion.same_rows(stored_predictions, test_predictions):
        return stored_predictions.correct(stored_predictions.final)
    with artifacts.open_checkpoint(str(version.source)) as checkpoint:
        test = data.load_benchmark(recipe).test
        predicted = _predict_labels(checkpoint, test, test_predictions.label_names)
    pairs = zip(predicted, champion.row_labels(test_predictions), strict=True)
    return np.array([prediction == label for prediction, label in pairs])


def _load_predictions(version: ModelVersion) -> Predictions | None:
    """Read the test predictions of the run that made a version; None if they were deleted."""
    evaluation = history.stage_results(version.tags.get("flow_run_id", ""))[-1]
    if evaluation.model_uri is None or version.tags.get("digest") not in evaluation.parents:
        return None
    try:
        with artifacts.open_checkpoint(evaluation.model_uri) as checkpoint:
            return predictions.read_predictions(checkpoint.path)
    except (CorruptCheckpointError, FileNotFoundError):
        return None


def _predict_labels(checkpoint: Checkpoint, test: Split, label_names: tuple[str, ...]) -> list[str]:
    if not (checkpoint.path / "model.onnx").exists():
        raise _IncomparableError("it is not an ONNX model")
    predictor = Predictor(checkpoint.path)
    if set(predictor.labels) != set(label_names):
        raise _IncomparableError("it has other labels")
    if predictor.pairs not in {None, test.pairs is not None}:
        raise _IncomparableError("either its texts or the test rows are pairs, but not both")
    return [prediction["label"] for prediction in predictor.predict(test.texts, test.pairs)]
