"""Undo duplicates created when MLflow's client retries a request whose response was lost.

The client repeats a call that ended in a broken connection or a server error, and cannot know
whether the first attempt took effect, so a creation may happen twice. Duplicates are found by what
both have in common and deleted.
"""

from __future__ import annotations

from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from coldpress.errors import InputError
from tasks.tracking import versions
from tasks.tracking.paging import all_pages

IDEMPOTENCY_TAG = "coldpress.opening"
"""Unique per call: runs with the same value were created by one call and its retries."""


def delete_duplicate_runs(
    mlflow: MlflowClient, experiment_id: str, idempotency_key: str, run_id: str
) -> None:
    """End and delete all runs that one call created except the one it returned.

    Duplicates would look alive as long as this process lives, and other runs would wait for them.

    Args:
        mlflow: A client of the tracking server.
        experiment_id: Where the run was created.
        idempotency_key: The call's value of `IDEMPOTENCY_TAG`.
        run_id: The run that stays.
    """
    same_call = f"tags.`{IDEMPOTENCY_TAG}` = '{idempotency_key}'"
    for run in all_pages(mlflow.search_runs, [experiment_id], same_call):
        if run.info.run_id != run_id:
            mlflow.set_terminated(run.info.run_id, "KILLED")
            mlflow.delete_run(run.info.run_id)


def delete_incomplete_models(mlflow: MlflowClient, experiment_id: str, run_id: str) -> None:
    """Delete the models of a run that never became READY.

    Args:
        mlflow: A client of the tracking server.
        experiment_id: The run's experiment.
        run_id: A run that has finished uploading its models, or has ended.
    """
    of_run = f"source_run_id = '{run_id}'"
    for model in all_pages(mlflow.search_logged_models, [experiment_id], of_run):
        if str(model.status) == "PENDING":
            mlflow.delete_logged_model(model.model_id)


def link_output(mlflow: MlflowClient, run_id: str, model_id: str) -> None:
    """Link a model to the run that made it, unless a retried call has already linked it.

    Args:
        mlflow: A client of the tracking server.
        run_id: The stage's run.
        model_id: The output model.

    Raises:
        MlflowException: The model could not be linked.
    """
    try:
        mlflow.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])
    except MlflowException:
        outputs = mlflow.get_run(run_id).outputs
        if outputs is None or model_id not in {m.model_id for m in outputs.model_outputs}:
            raise


def keep_first_version(mlflow: MlflowClient, name: str, digest: str, run_id: str) -> ModelVersion:
    """Keep the first version with a digest; each run deletes the later ones it registered itself.

    Versions whose model was deleted in MLflow do not count, since they cannot be loaded.

    Args:
        mlflow: A client of the tracking server.
        name: Registered name.
        digest: The model's digest.
        run_id: The run that has just registered it.

    Returns:
        The version that stays.

    Raises:
        InputError: The version was deleted in the meantime.
    """
    same_digest = versions.versions_with_digest(mlflow, name, digest)
    if not same_digest:
        raise InputError(f"name: the new version of {name} was deleted in MLflow; run it again")
    first, *duplicates = same_digest
    for duplicate in duplicates:
        if duplicate.run_id == run_id:
            mlflow.delete_model_version(name, duplicate.version)
    return first
