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
from tasks.tracking.versions import ABSENT, equal, is_own

_GAPS = {
    **dict.fromkeys(ABSENT, "its run or its model was deleted in MLflow"),
    ErrorCode.Name(PERMISSION_DENIED): "this user may not read its run",
}
_OTHERS = "a run that is not Coldpress's made it"


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
    return _model(str(version.source).removeprefix("models:/"), version)


def _model(model_id: str, version: ModelVersion | None = None) -> Ancestor:
    client = runs.client()
    try:
        run = client.get_run(str(client.get_logged_model(model_id).source_run_id))
    except MlflowException as error:
        return _ended(model_id, version or _registered(model_id), _gap(error))
    if "coldpress.stage" not in run.data.tags:
        return _ended(model_id, version, _OTHERS)
    result = history.result_of(run)
    known = f"{version.name}/{version.version}" if version else _registered_as(result)
    return Ancestor(
        stage=result.stage,
        name=known or model_id,
        digest=result.digest or (version.tags.get("digest", "") if version else ""),
        metrics=result.metrics,
        seconds=result.seconds,
        run=urls.page(run.info.run_id),
        parents=_parents(run),
    )


def _registered_as(result: StageResult) -> str | None:
    """The version that a stage registered, unless its number is another one's by now."""
    name, _, number = (result.registered or "").partition("/")
    digest = version_identity.digest_of(name, number) if number else None
    return result.registered if digest in {None, result.digest} else None


def _gap(error: MlflowException) -> str:
    """Say what is missing; an outage is no gap in the record."""
    if error.error_code not in _GAPS:
        raise error
    return _GAPS[error.error_code]


def _registered(model_id: str) -> ModelVersion | None:
    """A version that was made from a model: it stays when the model is deleted."""
    named = equal("source_path", f"models:/{model_id}")
    found = all_pages(runs.client().search_model_versions, named)
    return next(filter(is_own, found), None)


def _ended(model_id: str, version: ModelVersion | None, gap: str) -> Ancestor:
    """What is left of a model whose record was deleted: what its version says of itself."""
    if version is None:
        return Ancestor(stage="unknown", name=model_id, digest="", missing=gap)
    return Ancestor(
        stage=version.tags.get("stage", "unknown"),
        name=f"{version.name}/{version.version}",
        digest=version.tags["digest"],
        missing=gap,
    )


def _parents(run: Run) -> tuple[Ancestor, ...]:
    """The models that went into a run; a teacher's only parent is the dataset."""
    models = [m.model_id for m in run.inputs.model_inputs] if run.inputs else []
    if models:
        return tuple(_model(model_id) for model_id in models)
    try:
        chain = runs.client().get_run(run.data.tags.get("mlflow.parentRunId", ""))
    except MlflowException as error:
        return (Ancestor(stage="dataset", name="unknown", digest="", missing=_gap(error)),)
    data = chain.inputs.dataset_inputs if chain.inputs else []
    return tuple(
        Ancestor(
            stage="dataset",
            name=given.dataset.name,
            digest=next((t.value for t in given.tags if t.key == "digest"), given.dataset.digest),
            run=urls.page(chain.info.run_id),
        )
        for given in data
    )
