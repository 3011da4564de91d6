"""Compare the final model with the champion on the same test rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow.entities.model_registry import ModelVersion

from coldpress.data.splits import Split
from coldpress.errors import CorruptCheckpointError
from coldpress.evaluation.predictions import read_predictions, reorder_outputs
from coldpress.gate import champion
from coldpress.gate.champion import Champion
from coldpress.kinds.kind import Outputs
from coldpress.model.checkpoint import Checkpoint
from tasks.execution import data
from tasks.tracking import artifacts, history, registry, versions
from tasks.tracking.results import StageResult

if TYPE_CHECKING:
    from coldpress.benchmark.loading import Benchmark
    from coldpress.data.splits import Split
    from coldpress.evaluation.predictions import Predictions
    from coldpress.kinds.kind import Outputs
    from coldpress.recipe.recipe import Recipe


class _IncomparableError(Exception):
    """The champion cannot predict these rows; the message completes a sentence."""


def compare_with_champion(
    recipe: Recipe, final: StageResult, test_predictions: Predictions
) -> Champion | None:
    """Compare the final model with the current champion of its name.

    Args:
        recipe: The recipe of the model and its test rows.
        final: The final model.
        test_predictions: Test predictions of this run's models.

    Returns:
        The champion with the comparison, or with the obstacle that prevents it; None if there is
        no champion.
    """
    version = registry.version_with_alias(recipe.name, registry.CHAMPION)
    if version is None:
        return None
    name = f"{recipe.name}/{version.version}"
    if not versions.is_own(version):
        return Champion(name, None, "it was not made by Coldpress")
    if version.tags.get("digest") == final.digest:
        return champion.identical_champion(name, test_predictions)
    try:
        outputs = _champion_outputs(version, recipe, test_predictions)
    except (_IncomparableError, CorruptCheckpointError) as error:
        return Champion(name, None, str(error))
    return champion.compare_with_champion(name, test_predictions, outputs)


def _champion_outputs(
    version: ModelVersion, recipe: Recipe, test_predictions: Predictions
) -> Outputs:
    """Return the champion's outputs for the test rows, stored ones or by running it."""
    stored = _load_predictions(version)
    if stored is not None and champion.same_rows(stored, test_predictions):
        outputs: Outputs = stored.outputs[stored.final]
        return reorder_outputs(outputs, stored.names, test_predictions.names)
    with artifacts.open_checkpoint(str(version.source)) as checkpoint:
        return _predict(checkpoint, data.load_benchmark(recipe), test_predictions)


def _load_predictions(version: ModelVersion) -> Predictions | None:
    """Read the test predictions of the run that made a version; None if they were deleted."""
    evaluation = history.stage_results(version.tags.get("flow_run_id", ""))[-1]
    if evaluation.model_uri is None or version.tags.get("digest") not in evaluation.parents:
        return None
    try:
        with artifacts.open_checkpoint(evaluation.model_uri) as checkpoint:
            return read_predictions(checkpoint.path)
    except (CorruptCheckpointError, FileNotFoundError):
        return None


def _predict(checkpoint: Checkpoint, benchmark: Benchmark, predictions: Predictions) -> Outputs:
    from coldpress.data.encoding import encode
    from coldpress.evaluation.outputs import run_on_test
    from coldpress.model.serialization import load_tokenizer
    from coldpress.onnx.inference import decision_outputs
    from coldpress.onnx.predictor import Predictor

    if not (checkpoint.path / "model.onnx").exists():
        raise _IncomparableError("it is not an ONNX model")
    predictor = Predictor(checkpoint.path)
    if predictor.kind != predictions.kind.name:
        raise _IncomparableError(f"it is for {predictor.kind}")
    if set(predictor.labels) != set(predictions.names):
        raise _IncomparableError("it has other labels")
    if predictor.pairs not in {None, benchmark.test.pairs is not None}:
        raise _IncomparableError("either its texts or the test rows are pairs, but not both")
    tokenizer = load_tokenizer(checkpoint)

    def run(split: Split) -> Outputs:
        return decision_outputs(predictor, encode(tokenizer, split))

    outputs = run_on_test(benchmark, run).outputs
    return reorder_outputs(outputs, predictor.labels, predictions.names)
