"""A drifted champion is retrained: on a real server, from the event to the flow run."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from coldpress.data.new_rows import NewRowsFile
from coldpress.drift.retraining import retraining_recipe
from coldpress.model.checkpoint import Checkpoint
from coldpress.recipe.recipe import Recipe
from tests.support import tiny_champion
from tests.support.prefect_server import PrefectServer
from tests.support.tiny_champion import rows, write

ELSEWHERE = ("okapi", "ibex", "kudu")


def deployment(server: PrefectServer, name: str) -> str:
    """Its id."""
    deployments = server.answer("POST", "deployments/filter", {})
    return str(next(entry["id"] for entry in deployments if entry["name"] == name))


def retraining_runs(server: PrefectServer, model: str) -> list[dict[str, Any]]:
    """Flow runs of `compress/blank` for a model."""
    of_it = {"deployments": {"id": {"any_": [deployment(server, "blank")]}}}
    flow_runs = server.answer("POST", "flow_runs/filter", of_it)
    return [run for run in flow_runs if run["parameters"]["recipe"]["name"] == model]


def wait_for(query: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Ask until there is something: the server does what follows from an event in its own time."""
    until = time.monotonic() + 60
    while not query():
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.2)
    return query()


def events(server: PrefectServer, name: str) -> list[dict[str, Any]]:
    """What was raised under a name, as far as it is stored yet."""
    query = {"filter": {"event": {"prefix": [name]}}}
    events_: list[dict[str, Any]] = server.answer("POST", "events/filter", query)["events"]
    return events_


def again(server: PrefectServer, raised: dict[str, Any], model: str, *, answered: bool) -> None:
    """Raise an event anew, about a model, with a deployment that would answer or without."""
    event = deepcopy(raised)
    event |= {"id": str(uuid4()), "occurred": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    event["resource"]["prefect.resource.id"] = f"coldpress.model.{model}"
    event["payload"]["recipe"]["name"] = model
    if not answered:
        event["related"] = [
            related
            for related in event["related"]
            if related["prefect.resource.role"] != "coldpress-answer"
        ]
    server.ask("POST", "events", [event]).raise_for_status()


@pytest.fixture
def drifted(
    server: PrefectServer, state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> Recipe:
    """Re-evaluate as a worker would, on rows from elsewhere; return the champion's recipe."""
    recipe = tiny_champion.champion(tmp_path, tiny_checkpoint)
    path = write(tmp_path / "tonight.jsonl", rows(7, 60, ELSEWHERE, longer=9))
    ordered = {"model": "tiny", "fresh": {"origin": "files", "path": str(path)}}
    created = f"deployments/{deployment(server, 're-evaluate')}/create_flow_run"
    run = server.answer("POST", created, {"parameters": ordered})
    also = {"COLDPRESS_HOME": str(state), "MLFLOW_TRACKING_URI": f"sqlite:///{state / 'mlflow.db'}"}
    server.command("flow-run", "execute", run["id"], also=also)
    ended = server.answer("GET", f"flow_runs/{run['id']}")
    assert (ended["state_type"], ended["state_name"]) == ("COMPLETED", "Drifted")
    return recipe


def test_the_recipe_runs_once_with_the_new_rows(
    server: PrefectServer, drifted: Recipe, tmp_path: Path
) -> None:
    (run,) = wait_for(lambda: retraining_runs(server, "tiny"))
    expected = retraining_recipe(
        drifted, NewRowsFile(origin="files", path=tmp_path / "tonight.jsonl"), labelled=True
    )
    assert Recipe.model_validate(run["parameters"]["recipe"]) == expected
    assert run["state_type"] == "SCHEDULED"
    assert run["created_by"]["type"] == "AUTOMATION"

    (raised,) = wait_for(lambda: events(server, "coldpress.champion"))
    assert raised["event"] == "coldpress.champion.drifted"
    assert (raised["payload"]["version"], raised["payload"]["verdict"]) == ("tiny/1", "drifted")
    assert "embeddings" in raised["payload"]["drifted"]

    # A second night too soon, then during a run: neither event starts a run. A later one does.
    again(server, raised, "tiny", answered=True)
    again(server, raised, "running", answered=False)
    again(server, raised, "other", answered=True)
    wait_for(lambda: retraining_runs(server, "other"))
    assert len(retraining_runs(server, "tiny")) == 1
    assert retraining_runs(server, "running") == []
    wait_for(lambda: events(server, "prefect.automation.action.executed")[1:])
    assert events(server, "prefect.automation.action.failed") == []
    wrong = {"deployments": {"id": {"any_": [deployment(server, "re-evaluate")]}}}
    assert len(server.answer("POST", "flow_runs/filter", wrong)) == 1
