"""The model in service, asked the same test texts as the one that would take its place."""

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
    """The champion cannot answer these texts; the message ends a sentence."""


def compare_with_champion(recipe: Recipe, onnx: StageResult, given: Predictions) -> Champion | None:
    """Compare the final model with the present champion of its name.

    Args:
        recipe: Names the model, and the test texts.
        onnx: The final model.
        given: What this run's models answered to the test texts.

    Returns:
        None where there is no champion. One that cannot be compared with says why.
    """
    version = registry.version_with_alias(recipe.name, registry.CHAMPION)
    if version is None:
        return None
    name, right = f"{recipe.name}/{version.version}", given.correct(given.final)
    if not versions.is_own(version):
        return Champion(name, None, "it was not made by Coldpress")
    if version.tags.get("digest") == onnx.digest:
        return champion.identical_champion(name, right, given.labels)
    try:
        theirs = _champion_correctness(version, recipe, given)
    except (_IncomparableError, CorruptCheckpointError) as error:
        return Champion(name, None, str(error))
    return champion.compare_with_champion(name, right, theirs, given.labels)


def _champion_correctness(
    version: ModelVersion, recipe: Recipe, given: Predictions
) -> champion.Correct:
    """Look its answers up where they were kept, or ask it."""
    kept = _load_predictions(version)
    if kept is not None and champion.same_rows(kept, given):
        return kept.correct(kept.final)
    with artifacts.open_checkpoint(str(version.source)) as checkpoint:
        said = _predict_labels(checkpoint, data.load_benchmark(recipe).test, given.label_names)
    pairs = zip(said, champion.row_labels(given), strict=True)
    return np.array([one == right for one, right in pairs])


def _load_predictions(version: ModelVersion) -> Predictions | None:
    """Read the evaluation of the run that made a version, if it is still there."""
    judged = history.stage_results(version.tags.get("flow_run_id", ""))[-1]
    if judged.model_uri is None or version.tags.get("digest") not in judged.parents:
        return None
    try:
        with artifacts.open_checkpoint(judged.model_uri) as checkpoint:
            return predictions.read_predictions(checkpoint.path)
    except (CorruptCheckpointError, FileNotFoundError):
        return None


def _predict_labels(checkpoint: Checkpoint, test: Split, label_names: tuple[str, ...]) -> list[str]:
    if not (checkpoint.path / "model.onnx").exists():
        raise _IncomparableError("it is no ONNX model")
    predictor = Predictor(checkpoint.path)
    if set(predictor.labels) != set(label_names):
        raise _IncomparableError("it knows other labels")
    if predictor.pairs not in {None, test.pairs is not None}:
        raise _IncomparableError("of it and these texts, one is of pairs and the other is not")
    return [answer["label"] for answer in predictor.predict(test.texts, test.pairs)]
