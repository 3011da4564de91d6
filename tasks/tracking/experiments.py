"""Check that a recipe's experiment and registered names are available in MLflow."""

from __future__ import annotations

import os

from mlflow import MlflowClient
from mlflow.entities import Experiment, LifecycleStage

from coldpress.errors import InputError
from coldpress.schema.stages import REGISTERED_SUFFIX
from tasks.environment import credentials
from tasks.tracking.paging import all_pages

KIND = {"mlflow.experimentKind": "custom_model_development"}
"""With this tag MLflow opens an experiment in its view of models and runs, not in that of GenAI."""
_PROMPT_TAG = "mlflow.prompt.is_prompt"


def find_experiment(mlflow: MlflowClient, name: str) -> Experiment | None:
    """Return a recipe's experiment if it exists.

    Args:
        mlflow: A client of the tracking server.
        name: The recipe's name.

    Returns:
        The experiment, or None if a run would create it.

    Raises:
        InputError: It is in MLflow's trash, which reserves its name until it is purged.
    """
    experiment = mlflow.get_experiment_by_name(name)
    if experiment is None or experiment.lifecycle_stage == LifecycleStage.ACTIVE:
        return experiment
    address = os.environ.get(credentials.MLFLOW_VARIABLE, "")
    where = (
        "" if credentials.has_credentials(address) else f"{credentials.MLFLOW_VARIABLE}={address} "
    )
    raise InputError(
        f"name: the experiment {name} was deleted in MLflow; restore it ({where}mlflow experiments"
        f" restore --experiment-id {experiment.experiment_id}), or give the recipe another name"
    )


def tag_kind(mlflow: MlflowClient, experiment: Experiment) -> None:
    """Tag an experiment of an earlier Coldpress; what a user has chosen in MLflow stays.

    Args:
        mlflow: A client of the tracking server.
        experiment: A recipe's experiment.
    """
    for name, value in KIND.items():
        if name not in experiment.tags:
            mlflow.set_experiment_tag(experiment.experiment_id, name, value)


def has_runs_without_export(mlflow: MlflowClient, recipe: str) -> bool:
    """Whether a recipe was run with `export: null`, so that its name may have no model.

    Args:
        mlflow: A client of the tracking server.
        recipe: The recipe's name.
    """
    experiment = mlflow.get_experiment_by_name(recipe)
    if experiment is None:
        return False
    matches = mlflow.search_runs(
        [experiment.experiment_id], "params.export = 'None'", max_results=1
    )
    return len(matches) > 0


def check_names_available(mlflow: MlflowClient, recipe: str) -> None:
    """Check before a run that MLflow can hold its experiment and registered models.

    Args:
        mlflow: A client of the tracking server.
        recipe: The recipe's name.

    Raises:
        InputError: The experiment was deleted, or a name that the run would register belongs to a
            prompt.
    """
    find_experiment(mlflow, recipe)
    prompts = f"name LIKE '{recipe}%' AND tags.`{_PROMPT_TAG}` = 'true'"
    names = {str(model.name) for model in all_pages(mlflow.search_registered_models, prompts)}
    for suffix in (*REGISTERED_SUFFIX.values(), "-audit"):
        if recipe + suffix in names:
            raise InputError(
                f"name: {recipe}{suffix} is the name of a prompt in MLflow, and no model can have"
                " it; give the recipe another name"
            )
