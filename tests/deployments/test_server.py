"""A real Prefect server has read it all: what it made of it, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import reduce
from typing import Any

import pytest

from coldpress.recipe.loading import load_recipe
from coldpress.recipe.recipe import Recipe
from tasks import announce
from tests.support.prefect_server import DEPLOYMENTS, PrefectServer

SCHEDULED = ("watch-registry", "gc", "re-evaluate")


@pytest.fixture(scope="module")
def deployments(server: PrefectServer) -> dict[str, dict[str, Any]]:
    """The deployments as the server has them, by name."""
    return {entry["name"]: entry for entry in server.answer("POST", "deployments/filter", {})}


def mappings(schema: object) -> Iterator[dict[str, Any]]:
    """Every mapping of a schema, however deep."""
    if isinstance(schema, dict):
        yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for member in schema:
            yield from mappings(member)


def test_the_server_has_each_deployment_and_nothing_to_pull(deployments: dict[str, Any]) -> None:
    recipe_deployments = {
        "demo",
        "trec",
        "sst2",
        "banking77",
        "stsb",
        "demo-labels",
        "goemotions",
        "scifact",
        "multi30k-embedding",
        "wnut17",
        "scifact-rerank",
        "blank",
    }
    of_many_runs = {"search", "sweep", "trial"}
    others = {"promote", "rollback", *SCHEDULED}
    assert set(deployments) == recipe_deployments | of_many_runs | others
    for entry in deployments.values():
        assert (entry["work_pool_name"], entry["pull_steps"], entry["path"]) == (
            "coldpress",
            [],
            None,
        )
        assert entry["enforce_parameter_schema"]
        assert entry["job_variables"] == {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}}


@pytest.mark.parametrize("name", ["trec", *SCHEDULED])
def test_scheduled_deployments_are_paused_and_skip_overlapping_runs(
    deployments: dict[str, Any], name: str
) -> None:
    (schedule,) = deployments[name]["schedules"]
    assert (schedule["active"], schedule["schedule"]["timezone"]) == (False, "UTC")
    assert deployments[name]["global_concurrency_limit"]["limit"] == 1
    assert deployments[name]["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"


@pytest.mark.parametrize(
    "name",
    [
        "demo",
        "demo-labels",
        "trec",
        "sst2",
        "banking77",
        "stsb",
        "goemotions",
        "wnut17",
        "scifact",
        "multi30k-embedding",
        "scifact-rerank",
    ],
)
def test_a_preset_comes_back_as_the_shipped_recipe(deployments: dict[str, Any], name: str) -> None:
    assert Recipe.model_validate(deployments[name]["parameters"]["recipe"]) == load_recipe(name)


def test_the_form_that_the_server_serves_has_nothing_that_breaks_in_the_browser(
    deployments: dict[str, Any],
) -> None:
    unsupported = {"oneOf", "discriminator", "const", "exclusiveMinimum", "exclusiveMaximum"}
    for name in ("demo", "re-evaluate"):
        served = mappings(deployments[name]["parameter_openapi_schema"])
        assert [
            sorted(unsupported & entry.keys()) for entry in served if unsupported & entry.keys()
        ] == []
    schema = deployments["demo"]["parameter_openapi_schema"]
    logits = schema["definitions"]["Logits"]["properties"]
    assert (logits["alpha"]["minimum"], logits["alpha"]["maximum"]) == (0, 1)
    assert logits["alpha"]["description"]


def test_every_parameter_of_every_form_has_a_description(deployments: dict[str, Any]) -> None:
    forms = {n: entry["parameter_openapi_schema"]["properties"] for n, entry in deployments.items()}
    fields = [(n, name, field) for n, form in forms.items() for name, field in form.items()]
    assert [(n, name) for n, name, field in fields if not field.get("description")] == []


@pytest.mark.parametrize(
    ("field", "value", "location", "reason"),
    [
        ("teacher.batch_size", 0, "recipe.teacher.batch_size", "less than the minimum of 1"),
        # Several variants: the server cannot tell which one was meant.
        ("teacher.ephocs", 2, "recipe.teacher", "is not valid under any of the given schemas"),
        ("distill.alpha", 2, "recipe.distill", "is not valid under any of the given schemas"),
        ("prune.0.keep_neurons", 1.5, "recipe.prune[0].keep_neurons", "greater than the maximum"),
        ("quantize.method", "int4", "recipe.quantize", "int4"),
        ("name", "Trec", "recipe.name", "'Trec' does not match"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field(
    server: PrefectServer,
    deployments: dict[str, Any],
    field: str,
    value: object,
    location: str,
    reason: str,
) -> None:
    parameters = deepcopy(deployments["demo"]["parameters"])
    *path, last = ["recipe", *field.split(".")]
    parent = reduce(lambda at, name: at[int(name) if name.isdecimal() else name], path, parameters)
    parent[last] = value
    response = run(server, deployments["demo"], parameters)
    assert response.status_code == 409
    assert f"field '{location}'" in response.json()["detail"]
    assert reason in response.json()["detail"]


def test_a_schedule_may_bring_the_model_and_the_rows(
    server: PrefectServer, deployments: dict[str, Any]
) -> None:
    fresh = {"origin": "files", "path": "/data/tonight.jsonl"}
    ordered = {"model": "support", "fresh": fresh, "labelled": False}
    nightly = {"schedule": {"cron": "0 4 * * *", "timezone": "UTC"}, "active": False}
    path = f"deployments/{deployments['re-evaluate']['id']}/schedules"
    (added,) = server.answer("POST", path, [{**nightly, "slug": "more", "parameters": ordered}])
    server.ask("DELETE", f"{path}/{added['id']}").raise_for_status()
    assert added["parameters"] == ordered


@pytest.mark.parametrize(
    ("name", "needed"), [("blank", "recipe"), ("rollback", "model"), ("re-evaluate", "model")]
)
def test_an_empty_form_is_refused(
    server: PrefectServer, deployments: dict[str, Any], name: str, needed: str
) -> None:
    response = run(server, deployments[name], {})
    assert (response.status_code, f"'{needed}' is a required property" in response.text) == (
        409,
        True,
    )


def test_valid_parameters_schedule_a_run(
    server: PrefectServer, deployments: dict[str, Any]
) -> None:
    response = run(server, deployments["demo"], deployments["demo"]["parameters"])
    server.ask("DELETE", f"flow_runs/{response.json()['id']}").raise_for_status()
    assert (response.status_code, response.json()["state_type"]) == (201, "SCHEDULED")
    assert set(response.json()["tags"]) == {"coldpress", "press"}


def test_the_automations_are_there(server: PrefectServer) -> None:
    names = [entry["name"] for entry in server.answer("POST", "automations/filter", {})]
    assert sorted(names) == [
        "coldpress-answer-drift",
        "coldpress-crashed-runs",
        "coldpress-pending-runs",
    ]


def test_the_drift_automation_runs_the_deployment_of_the_event(server: PrefectServer) -> None:
    automations = server.answer("POST", "automations/filter", {})
    (retraining,) = (entry for entry in automations if entry["name"] == "coldpress-answer-drift")
    (action,) = retraining["actions"]
    assert (action["type"], action["source"]) == ("run-deployment", "inferred")
    assert retraining["trigger"]["match_related"]["prefect.resource.role"] == announce.ROLE
    assert (retraining["enabled"], retraining["trigger"]["within"]) == (True, 72_000)


@pytest.mark.parametrize("type_", ["docker", "kubernetes"])
def test_a_pool_of_another_type_takes_its_template(server: PrefectServer, type_: str) -> None:
    template = DEPLOYMENTS / "work-pools" / f"{type_}.json"
    pool = ("work-pool", "create", type_, "--type", type_)
    server.command(*pool, "--base-job-template", str(template))
    served = server.answer("GET", f"work_pools/{type_}")["base_job_template"]
    assert served == json.loads(template.read_text())


def run(server: PrefectServer, deployment: dict[str, Any], parameters: object) -> Any:  # noqa: ANN401
    """Start a run as the button Run does."""
    path = f"deployments/{deployment['id']}/create_flow_run"
    return server.ask("POST", path, {"parameters": parameters})
