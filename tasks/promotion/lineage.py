"""Trace the lineage of a model through the inputs and outputs that MLflow records for runs."""

from __future__ import annotations

from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, ErrorCode

from coldpress.schema.lineage import Ancestor
from tasks.promotion import version_identity
from tasks.tracking import history, registry, runs, urls
from tasks.tracking.paging import all_pages
from tasks.tracking.results import StageResult
from tasks.tracking.versions import NOT_FOUND_CODES, equals_filter, is_own

_GAP_MESSAGES = {
    **dict.fromkeys(NOT_FOUND_CODES, "its run or its model was deleted in MLflow"),
    ErrorCode.Name(PERMISSION_DENIED): "this user may not read its run",
}
_FOREIGN_RUN = "it was made by a run of another tool"


def trace(reference: str) -> Ancestor:
    """Trace a registered model back to its teacher and dataset.

    Args:
        reference: `name`, `name@alias` or `name/version`.

    Returns:
        The tree with the model at its root. Where a record was deleted, the tree ends with a note.

    Raises:
        InputError: There is no such model, alias or version.
    """
    version = registry.resolve(reference)
    return _ancestor(str(version.source).removeprefix("models:/"), version)


def _ancestor(model_id: str, version: ModelVersion | None = None) -> Ancestor:
    client = runs.client()
    try:
        run = client.get_run(str(client.get_logged_model(model_id).source_run_id))
    except MlflowException as error:
        return _incomplete_ancestor(
            model_id, version or _find_version(model_id), _gap_message(error)
        )
    if "coldpress.stage" not in run.data.tags:
        return _incomplete_ancestor(model_id, version, _FOREIGN_RUN)
    result = history.result_of(run)
    reference = f"{version.name}/{version.version}" if version else _current_reference(result)
    return Ancestor(
        stage=result.stage,
        name=reference or model_id,
        digest=result.digest or (version.tags.get("digest", "") if version else ""),
        metrics=result.metrics,
        seconds=result.seconds,
        run=urls.run_location(run.info.run_id, run.info.experiment_id),
        parents=_parent_ancestors(run),
    )


def _current_reference(result: StageResult) -> str | None:
    """Return the version that a stage registered, unless its number was reassigned."""
    name, _, number = (result.registered or "").partition("/")
    digest = version_identity.digest_of(name, number) if number else None
    return result.registered if digest in {None, result.digest} else None


def _gap_message(error: MlflowException) -> str:
    """Explain a missing record; re-raise any other error, such as an outage."""
    if error.error_code not in _GAP_MESSAGES:
        raise error
    return _GAP_MESSAGES[error.error_code]


def _find_version(model_id: str) -> ModelVersion | None:
    """Return a version registered from a model, which remains when the model is deleted."""
    from_model = equals_filter("source_path", f"models:/{model_id}")
    matches = all_pages(runs.client().search_model_versions, from_model)
    return next(filter(is_own, matches), None)


def _incomplete_ancestor(model_id: str, version: ModelVersion | None, gap: str) -> Ancestor:
    """Describe a model whose record was deleted, from the tags of its version."""
    if version is None:
        return Ancestor(stage="unknown", name=model_id, digest="", missing=gap)
    return Ancestor(
        stage=version.tags.get("stage", "unknown"),
        name=f"{version.name}/{version.version}",
        digest=version.tags["digest"],
        missing=gap,
    )


def _parent_ancestors(run: Run) -> tuple[Ancestor, ...]:
    """Return the input models of a run, or the dataset for a teacher's run."""
    models = [m.model_id for m in run.inputs.model_inputs] if run.inputs else []
    if models:
        return tuple(_ancestor(model_id) for model_id in models)
    try:
        pipeline_run = runs.client().get_run(run.data.tags.get("mlflow.parentRunId", ""))
    except MlflowException as error:
        return (Ancestor(stage="dataset", name="unknown", digest="", missing=_gap_message(error)),)
    datasets = pipeline_run.inputs.dataset_inputs if pipeline_run.inputs else []
    return tuple(
        Ancestor(
            stage="dataset",
            name=item.dataset.name,
            digest=next((t.value for t in item.tags if t.key == "digest"), item.dataset.digest),
            run=urls.run_location(pipeline_run.info.run_id, pipeline_run.info.experiment_id),
        )
        for item in datasets
    )
