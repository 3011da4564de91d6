"""The experiment and the registered names of a recipe: whether a run can have them."""

from __future__ import annotations

import os

from mlflow import MlflowClient
from mlflow.entities import Experiment, LifecycleStage

from coldpress.errors import InputError
from coldpress.schema.stages import REGISTERED_SUFFIX
from tasks.environment import credentials
from tasks.tracking.paging import all_pages

_PROMPT_TAG = "mlflow.prompt.is_prompt"


def find_experiment(mlflow: MlflowClient, name: str) -> Experiment | None:
    """Return a recipe's experiment if there is one.

    Args:
        mlflow: A client of the tracking server.
        name: The recipe's name.

    Returns:
        The experiment, or None where a run would make it.

    Raises:
        InputError: Somebody has deleted it: MLflow keeps its name until it is deleted for good.
    """
    found = mlflow.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage == LifecycleStage.ACTIVE:
        return found
    address = os.environ.get(credentials.MLFLOW_VARIABLE, "")
    where = (
        "" if credentials.has_credentials(address) else f"{credentials.MLFLOW_VARIABLE}={address} "
    )
    raise InputError(
        f"name: the experiment {name} was deleted in MLflow; restore it ({where}mlflow experiments"
        f" restore --experiment-id {found.experiment_id}), or give the recipe another name"
    )


def check_names_available(mlflow: MlflowClient, recipe: str) -> None:
    """Look for what in MLflow would stop a run.

    Args:
        mlflow: A client of the tracking server.
        recipe: The recipe's name.

    Raises:
        InputError: The experiment was deleted, or a name that a run would register is that of a
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
