"""Where a model comes from, read from MLflow's own record of what went into which run."""

from __future__ import annotations

from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from coldpress.ancestry import Ancestor
from tasks import addresses, history, registry, tracking


def trace(reference: str) -> Ancestor:
    """Walk from a registered model back to the teacher and the dataset.

    Args:
        reference: `name`, `name@alias` or `name/version`.

    Returns:
        The tree, the model at its root.

    Raises:
        InputError: There is no such model, alias or version.
    """
    version = registry.resolve(reference)
    return _model(str(version.source).removeprefix("models:/"), version)


def _model(model_id: str, version: ModelVersion | None = None) -> Ancestor:
    client = tracking.client()
    run = client.get_run(str(client.get_logged_model(model_id).source_run_id))
    result = history.result_of(run)
    known = f"{version.name}/{version.version}" if version else result.registered
    return Ancestor(
        stage=result.stage,
        name=known or model_id,
        digest=result.digest or (version.tags.get("digest", "") if version else ""),
        metrics=result.metrics,
        seconds=result.seconds,
        run=addresses.page(run.info.run_id),
        parents=_parents(run),
    )


def _parents(run: Run) -> tuple[Ancestor, ...]:
    """The models that went into a run; a teacher's only parent is the dataset."""
    models = [m.model_id for m in run.inputs.model_inputs] if run.inputs else []
    if models:
        return tuple(_model(model_id) for model_id in models)
    chain = tracking.client().get_run(run.data.tags["mlflow.parentRunId"])
    data = chain.inputs.dataset_inputs if chain.inputs else []
    return tuple(
        Ancestor(
            stage="dataset",
            name=given.dataset.name,
            digest=next((t.value for t in given.tags if t.key == "digest"), given.dataset.digest),
            run=addresses.page(chain.info.run_id),
        )
        for given in data
    )
