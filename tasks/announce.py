"""Announce the verdict on a champion as a Prefect event that can trigger retraining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.events import emit_event
from prefect.exceptions import ObjectNotFound

from coldpress.drift import markdown
from coldpress.drift.retraining import retraining_recipe
from tasks.tracking import history, urls

if TYPE_CHECKING:
    from coldpress.data.new_rows import NewRowsSource
    from coldpress.drift.result import Reevaluation
    from coldpress.recipe.recipe import Recipe
    from tasks.promotion.champion import ChampionRecord

ROLE = "coldpress-answer"
"""Role of the retraining deployment in the event; deployments/automations.yaml matches it."""


@task(name="announce", cache_policy=NO_CACHE)
def announce(
    champion: ChampionRecord, fresh: NewRowsSource, reevaluation: Reevaluation, run_id: str
) -> None:
    """Emit the verdict and the retraining recipe; without a deployment nothing is triggered."""
    labelled = reevaluation.accuracy is not None
    recipe = retraining_recipe(champion.recipe, fresh, labelled)
    deployment = retraining_deployment(champion.recipe.name, recipe)
    emit_event(
        event=f"coldpress.champion.{reevaluation.verdict}",
        resource={
            "prefect.resource.id": f"coldpress.model.{champion.recipe.name}",
            "prefect.resource.name": champion.name,
        },
        related=[] if deployment is None else [deployment],
        payload={
            "version": champion.name,
            "verdict": reevaluation.verdict,
            "drifted": [test.way for test in reevaluation.drift if test.drifted],
            "sentence": markdown.headline(reevaluation),
            "run_id": run_id,
            "page": urls.run_location(run_id),
            "recipe": None if recipe is None else recipe.model_dump(mode="json"),
        },
    )


def retraining_deployment(model: str, recipe: Recipe | None) -> dict[str, str] | None:
    """Find the deployment that would run the retraining recipe.

    Args:
        model: The registered name.
        recipe: The retraining recipe; None if the new rows cannot be trained on.

    Returns:
        `compress/<model>` or `compress/blank` as a related resource of the event; None if neither
        exists, there is no recipe, or a run of the model is in progress.
    """
    if recipe is None:
        get_run_logger().warning("No retraining: unlabelled rows of the hub cannot be trained on")
        return None
    if history.is_recipe_running(model):
        get_run_logger().warning("No retraining: a run of %s is already in progress", model)
        return None
    for name in (f"compress/{model}", "compress/blank"):
        deployment = _deployment_resource(name)
        if deployment is not None:
            return deployment
    get_run_logger().warning(
        "No retraining: there is no deployment compress/%s or compress/blank", model
    )
    return None


def _deployment_resource(name: str) -> dict[str, str] | None:
    with get_client(sync_client=True) as prefect:
        try:
            id_ = prefect.read_deployment_by_name(name).id
        except ObjectNotFound:
            return None
    resource: dict[str, Any] = {"prefect.resource.id": f"prefect.deployment.{id_}"}
    return {**resource, "prefect.resource.role": ROLE, "prefect.resource.name": name}
