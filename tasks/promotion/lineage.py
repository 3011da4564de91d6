"""Where a model comes from, read from MLflow's own record of what went into which run."""

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
_FOREIGN_RUN = "a run that is not Coldpress's made it"


def trace(reference: str) -> Ancestor:
    """Walk from a registered model back to the teacher and the dataset.

    Args:
        reference: `name`, `name@alias` or `name/version`.

    Returns:
        The tree, the model at its root. It ends early where somebody deleted a record, and says so.

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
    known = f"{version.name}/{version.version}" if version else _current_reference(result)
    return Ancestor(
        stage=result.stage,
        name=known or model_id,
        digest=result.digest or (version.tags.get("digest", "") if version else ""),
        metrics=result.metrics,
        seconds=result.seconds,
        run=urls.run_location(run.info.run_id),
        parents=_parent_ancestors(run),
    )


def _current_reference(result: StageResult) -> str | None:
    """The version that a stage registered, unless its number is another one's by now."""
    name, _, number = (result.registered or "").partition("/")
    digest = version_identity.digest_of(name, number) if number else None
    return result.registered if digest in {None, result.digest} else None


def _gap_message(error: MlflowException) -> str:
    """Say what is missing; an outage is no gap in the record."""
    if error.error_code not in _GAP_MESSAGES:
        raise error
    return _GAP_MESSAGES[error.error_code]


def _find_version(model_id: str) -> ModelVersion | None:
    """A version that was made from a model: it stays when the model is deleted."""
    named = equals_filter("source_path", f"models:/{model_id}")
    found = all_pages(runs.client().search_model_versions, named)
    return next(filter(is_own, found), None)


def _incomplete_ancestor(model_id: str, version: ModelVersion | None, gap: str) -> Ancestor:
    """What is left of a model whose record was deleted: what its version says of itself."""
    if version is None:
        return Ancestor(stage="unknown", name=model_id, digest="", missing=gap)
    return Ancestor(
        stage=version.tags.get("stage", "unknown"),
        name=f"{version.name}/{version.version}",
        digest=version.tags["digest"],
        missing=gap,
    )


def _parent_ancestors(run: Run) -> tuple[Ancestor, ...]:
    """The models that went into a run; a teacher's only parent is the dataset."""
    models = [m.model_id for m in run.inputs.model_inputs] if run.inputs else []
    if models:
        return tuple(_ancestor(model_id) for model_id in models)
    try:
        chain = runs.client().get_run(run.data.tags.get("mlflow.parentRunId", ""))
    except MlflowException as error:
        return (Ancestor(stage="dataset", name="unknown", digest="", missing=_gap_message(error)),)
    data = chain.inputs.dataset_inputs if chain.inputs else []
    return tuple(
        Ancestor(
            stage="dataset",
            name=given.dataset.name,
            digest=next((t.value for t in given.tags if t.key == "digest"), given.dataset.digest),
            run=urls.run_location(chain.info.run_id),
        )
        for given in data
    )
