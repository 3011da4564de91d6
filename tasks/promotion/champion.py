"""Load the champion of a model with its recipe, evaluation and teacher."""

from __future__ import annotations

import yaml
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from pydantic import BaseModel, ConfigDict

from coldpress.errors import InputError
from coldpress.recipe.recipe import Recipe
from tasks.tracking import artifacts, history, registry, reports


class ChampionRecord(BaseModel):
    """References to a champion and its evaluation.

    Attributes:
        name: `name/version`, such as `trec/3`.
        digest: Its digest, since the number may belong to another version later.
        model_uri: URI of its files.
        recipe: The recipe of the run that last evaluated it.
        evaluation_uri: URI of that evaluation.
        teacher_uri: URI of the teacher that it was distilled from; None if only answers are known.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    digest: str | None = None
    model_uri: str
    recipe: Recipe
    evaluation_uri: str
    teacher_uri: str | None


def load_champion(model: str) -> ChampionRecord:
    """Return the champion of a model, with the run that last evaluated it.

    Args:
        model: Registered name.

    Raises:
        InputError: The model does not exist, has no champion, or its evaluation was deleted.
    """
    version = registry.version_with_alias(registry.require_bare_name(model), registry.CHAMPION)
    if version is None:
        registry.resolve(model)
        raise InputError(f"model: {model} has no champion; promote a version of it first")
    registry.resolve(f"{model}@{registry.CHAMPION}")  # raises if another tool registered it
    run = reports.find_evaluation_run(version)
    if run is None:
        raise _missing_evaluation(version)
    results = history.stage_results(run.data.tags["coldpress.flow_run_id"])
    teacher = next((result for result in results if result.stage == "train_teacher"), None)
    evaluation = results[-1]
    if evaluation.model_uri is None or version.tags.get("digest") not in evaluation.parents:
        raise _missing_evaluation(version)
    recipe = yaml.safe_load(_load_recipe_text(run, version))
    return ChampionRecord(
        name=f"{version.name}/{version.version}",
        digest=version.tags.get("digest"),
        model_uri=str(version.source),
        recipe=Recipe.model_validate(recipe),
        evaluation_uri=evaluation.model_uri,
        teacher_uri=None if teacher is None else teacher.model_uri,
    )


def _load_recipe_text(run: Run, version: ModelVersion) -> str:
    """Read the recipe of a run, whose artifacts may have been deleted."""
    try:
        return artifacts.load_run_text(run.info.run_id, "recipe.yaml")
    except (MlflowException, OSError) as error:
        raise _missing_evaluation(version) from error


def _missing_evaluation(version: ModelVersion) -> InputError:
    reference = f"{version.name}/{version.version}"
    return InputError(f"model: no evaluation of {reference} is stored; run its recipe again")
