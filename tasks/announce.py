"""Announce a champion that no longer fits, as a Prefect event that an automation can answer."""

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
"""Of the deployment that would answer: deployments/automations.yaml looks for it."""


@task(name="announce", cache_policy=NO_CACHE)
def announce(
    champion: ChampionRecord, fresh: NewRowsSource, found: Reevaluation, run_id: str
) -> None:
    """Say what was found, and what could be pressed; without a press to name nothing answers."""
    recipe = retraining_recipe(champion.recipe, fresh, found.accuracy is not None)
    press = retraining_deployment(champion.recipe.name, recipe)
    emit_event(
        event=f"coldpress.champion.{found.verdict}",
        resource={
            "prefect.resource.id": f"coldpress.model.{champion.recipe.name}",
            "prefect.resource.name": champion.name,
        },
        related=[] if press is None else [press],
        payload={
            "version": champion.name,
            "verdict": found.verdict,
            "drifted": [one.way for one in found.drift if one.drifted],
            "sentence": markdown.headline(found),
            "run_id": run_id,
            "page": urls.run_location(run_id),
            "recipe": None if recipe is None else recipe.model_dump(mode="json"),
        },
    )


def retraining_deployment(model: str, recipe: Recipe | None) -> dict[str, str] | None:
    """Name the deployment that would press a recipe.

    Args:
        model: The registered name.
        recipe: What would be pressed; None where nothing can be.

    Returns:
        `compress/<model>` or `compress/blank` as a resource of the event; None where there is
        neither, nothing to press, or a press of the model under way.
    """
    if recipe is None:
        get_run_logger().warning("Rows of the hub without labels cannot be trained on")
        return None
    if history.is_recipe_running(model):
        get_run_logger().warning("A press of %s is under way: no other is asked for", model)
        return None
    for name in (f"compress/{model}", "compress/blank"):
        found = _deployment_resource(name)
        if found is not None:
            return found
    get_run_logger().warning("There is no deployment compress/blank that could answer")
    return None


def _deployment_resource(name: str) -> dict[str, str] | None:
    with get_client(sync_client=True) as prefect:
        try:
            id_ = prefect.read_deployment_by_name(name).id
        except ObjectNotFound:
            return None
    resource: dict[str, Any] = {"prefect.resource.id": f"prefect.deployment.{id_}"}
    return {**resource, "prefect.resource.role": ROLE, "prefect.resource.name": name}
