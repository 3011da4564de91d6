"""What the tracking server did although its answer was lost, so that it was asked to do it again.

Its client repeats a call that ended in a broken connection or a server's error, and cannot know
whether the first one took effect: a creation may have made two. What is left over is found by what
both have in common, and taken back.
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
"""A tag that no two calls share: runs with the same value came from one call."""


def delete_duplicate_runs(
    mlflow: MlflowClient, experiment_id: str, opening: str, kept: str
) -> None:
    """End and delete the runs that one call opened, but for the one that it knows of.

    They would look alive for as long as this process lives, and others would wait for them.

    Args:
        mlflow: A client of the tracking server.
        experiment_id: Where the run was opened.
        opening: The call's own value of the tag.
        kept: Id of the run that it goes on with.
    """
    same_call = f"tags.`{IDEMPOTENCY_TAG}` = '{opening}'"
    for run in all_pages(mlflow.search_runs, [experiment_id], same_call):
        if run.info.run_id != kept:
            mlflow.set_terminated(run.info.run_id, "KILLED")
            mlflow.delete_run(run.info.run_id)


def delete_incomplete_models(mlflow: MlflowClient, experiment_id: str, run_id: str) -> None:
    """Delete the models of a run that were never completed.

    Args:
        mlflow: A client of the tracking server.
        experiment_id: That of the run.
        run_id: Whoever works for it has completed its models, or has ended.
    """
    of_run = f"source_run_id = '{run_id}'"
    for model in all_pages(mlflow.search_logged_models, [experiment_id], of_run):
        if str(model.status) == "PENDING":
            mlflow.delete_logged_model(model.model_id)


def link_output(mlflow: MlflowClient, run_id: str, model_id: str) -> None:
    """Link a model to the run that made it, unless a call whose answer was lost has done so.

    Args:
        mlflow: A client of the tracking server.
        run_id: The stage's run.
        model_id: Of the model that came out.

    Raises:
        MlflowException: It is not linked.
    """
    try:
        mlflow.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])
    except MlflowException:
        known = mlflow.get_run(run_id).outputs
        if known is None or model_id not in {output.model_id for output in known.model_outputs}:
            raise


def keep_first_version(mlflow: MlflowClient, name: str, digest: str, run_id: str) -> ModelVersion:
    """Leave one version with a digest: the first; whoever made another one deletes it.

    Versions whose model was deleted in MLflow do not count: they can answer nobody.

    Args:
        mlflow: A client of the tracking server.
        name: Registered name.
        digest: Of the model.
        run_id: The run that has just registered it.

    Returns:
        The version that stays.

    Raises:
        InputError: Somebody has deleted it already.
    """
    found = versions.versions_with_digest(mlflow, name, digest)
    if not found:
        raise InputError(f"name: the new version of {name} was deleted in MLflow; run it again")
    first, *others = found
    for other in others:
        if other.run_id == run_id:
            mlflow.delete_model_version(name, other.version)
    return first
