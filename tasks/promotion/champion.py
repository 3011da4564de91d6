"""The model in service, and what is known of it: recipe, evaluation, teacher."""

from __future__ import annotations

import yaml
from mlflow.artifacts import load_text
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from pydantic import BaseModel, ConfigDict

from coldpress.errors import InputError
from coldpress.recipe.recipe import Recipe
from tasks.tracking import history, registry, reports


class ChampionRecord(BaseModel):
    """A champion, as references.

    Attributes:
        name: As in `trec/3`.
        digest: Its own: the number may be another version's later.
        model_uri: Its files.
        recipe: What the run that last judged it was ordered by.
        evaluation_uri: What that run found.
        teacher_uri: The model that it was pressed from.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    digest: str | None = None
    model_uri: str
    recipe: Recipe
    evaluation_uri: str
    teacher_uri: str | None


def load_champion(model: str) -> ChampionRecord:
    """Find the champion of a name.

    Args:
        model: Registered name.

    Returns:
        The champion, with the evaluation of the run that last judged it.

    Raises:
        InputError: There is no such model, no champion of it, or nothing is left of its
            evaluation.
    """
    version = registry.version_with_alias(registry.require_bare_name(model), registry.CHAMPION)
    if version is None:
        registry.resolve(model)
        raise InputError(f"model: {model} has no champion; promote a version of it first")
    registry.resolve(f"{model}@{registry.CHAMPION}")  # says so where others registered it
    run = reports.find_evaluation_run(version)
    if run is None:
        raise _missing_evaluation(version)
    results = history.stage_results(run.data.tags["coldpress.flow_run_id"])
    judged, teacher = results[-1], results[0]
    if judged.model_uri is None or version.tags.get("digest") not in judged.parents:
        raise _missing_evaluation(version)
    recipe = yaml.safe_load(_load_recipe_text(run, version))
    return ChampionRecord(
        name=f"{version.name}/{version.version}",
        digest=version.tags.get("digest"),
        model_uri=str(version.source),
        recipe=Recipe.model_validate(recipe),
        evaluation_uri=judged.model_uri,
        teacher_uri=teacher.model_uri,
    )


def _load_recipe_text(run: Run, version: ModelVersion) -> str:
    """The recipe of a run, whose files somebody may have deleted."""
    try:
        return str(load_text(f"runs:/{run.info.run_id}/recipe.yaml"))
    except (MlflowException, OSError) as error:
        raise _missing_evaluation(version) from error


def _missing_evaluation(version: ModelVersion) -> InputError:
    named = f"{version.name}/{version.version}"
    return InputError(f"model: no evaluation of {named} is known; run its recipe again")
