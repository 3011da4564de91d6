"""deployments/prefect.yaml, held to Prefect's own models: it drops keys that it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect.cli.deploy._models import (
    ConcurrencyLimitSpec,
    DeploymentConfig,
    PrefectYamlModel,
    RawScheduleConfig,
    WorkPoolConfig,
)
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.server.schemas.core import ConcurrencyOptions
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools import is_valid_schema, validate
from pydantic import BaseModel

from coldpress.recipe.loading import list_recipes, load_recipe
from coldpress.recipe.recipe import Recipe

TEXT = resources.files("deployments").joinpath("prefect.yaml").read_text(encoding="utf-8")
DEFINITIONS: dict[str, Any] = yaml.safe_load(TEXT)
DEPLOYMENTS: dict[str, dict[str, Any]] = {
    entry["name"]: entry for entry in DEFINITIONS["deployments"]
}
RECIPE_DEPLOYMENTS = [
    name for name, entry in DEPLOYMENTS.items() if entry["entrypoint"] == "flows.compress.compress"
]
WAITS_FOR_DATA = "re-evaluate"
"""Which model, and which rows, only its users know: the schedule is started when they have said."""
SCHEDULED = {name for name, entry in DEPLOYMENTS.items() if "schedules" in entry}
NESTED: dict[str, type[BaseModel]] = {
    "deployments": DeploymentConfig,
    "work_pool": WorkPoolConfig,
    "concurrency_limit": ConcurrencyLimitSpec,
    "schedules": RawScheduleConfig,
}


def dropped(definition: dict[str, Any], model: type[BaseModel]) -> Iterator[str]:
    """The keys that Prefect would pass over without a word."""
    for name, value in definition.items():
        if name not in model.model_fields:
            yield name
        elif name in NESTED:
            for member in value if isinstance(value, list) else [value]:
                yield from (f"{name}.{key}" for key in dropped(member, NESTED[name]))


def flow_of(entrypoint: str) -> Flow[..., Any]:
    """The flow, and no placeholder where the import fails, as `prefect deploy` would take."""
    return load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)


def test_prefect_reads_every_field_of_the_deployments() -> None:
    PrefectYamlModel.model_validate(DEFINITIONS)
    assert list(dropped(DEFINITIONS, PrefectYamlModel)) == []


def test_a_misspelt_field_is_found() -> None:
    slips = {
        "shedules": [],
        "job_variables": {},
        "work_pool": {"nam": "coldpress"},
        "concurrency_limit": {"limit": 1, "strategy": "CANCEL_NEW"},
        "schedules": [{"cron": "0 3 * * 0", "time_zone": "UTC"}],
    }
    keys = set(dropped({"deployments": [slips], "pul": []}, PrefectYamlModel))
    assert {name.removeprefix("deployments.") for name in keys} == {
        "pul",
        "shedules",
        "job_variables",
        "work_pool.nam",
        "concurrency_limit.strategy",
        "schedules.time_zone",
    }


def test_no_name_stands_twice() -> None:
    assert len(DEPLOYMENTS) == len(DEFINITIONS["deployments"])


@pytest.mark.parametrize(
    ("names", "flow"),
    [
        (RECIPE_DEPLOYMENTS, "compress"),
        (["promote"], "promote"),
        (["rollback"], "rollback"),
        (["watch-registry"], "watch-registry"),
        (["gc"], "collect-garbage"),
        (["re-evaluate"], "re-evaluate"),
    ],
)
def test_each_entry_point_is_the_flow_itself_and_no_second_copy(
    names: list[str], flow: str
) -> None:
    for name in names:
        module, _, function = DEPLOYMENTS[name]["entrypoint"].rpartition(".")
        loaded = flow_of(f"{module}.{function}")
        assert (loaded.name, loaded.fn.__module__) == (flow, module)


def test_each_packaged_recipe_has_a_deployment_and_there_is_a_blank_one() -> None:
    assert {*RECIPE_DEPLOYMENTS} == {path.stem for path in list_recipes()} | {"blank"}


@pytest.mark.parametrize("name", [name for name in RECIPE_DEPLOYMENTS if name != "blank"])
def test_a_preset_is_the_shipped_recipe(name: str) -> None:
    assert Recipe.model_validate(DEPLOYMENTS[name]["parameters"]["recipe"]) == load_recipe(name)


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_parameters_are_what_the_flow_takes(name: str) -> None:
    deployment = DEPLOYMENTS[name]
    schema = parameter_schema(flow_of(deployment["entrypoint"])).model_dump()
    is_valid_schema(schema, preprocess=False)
    parameters = deployment.get("parameters", {})
    assert parameters.keys() <= schema["properties"].keys()
    complete = name in SCHEDULED - {WAITS_FOR_DATA}
    validate(parameters, schema, raise_on_error=True, ignore_required=not complete)


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_each_deployment_has_a_description_and_the_tag_of_the_automation(
    name: str,
) -> None:
    deployment = DEPLOYMENTS[name]
    assert deployment["description"].startswith("**")
    assert deployment["tags"][0] == "coldpress"
    assert deployment["work_pool"]["name"] == "coldpress"


def test_schedules_are_paused_and_have_a_slug_and_a_time_zone() -> None:
    schedules = {name: DEPLOYMENTS[name]["schedules"] for name in SCHEDULED}
    slugs = {name: [entry["slug"] for entry in entries] for name, entries in schedules.items()}
    assert slugs == {
        "trec": ["weekly-press"],
        "watch-registry": ["every-five-minutes"],
        "gc": ["weekly-collection"],
        "re-evaluate": ["nightly-re-evaluation"],
    }
    for schedule in (entry for entries in schedules.values() for entry in entries):
        assert schedule["active"] is False
        assert ZoneInfo(schedule["timezone"]).key == "UTC"


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_only_scheduled_deployments_skip_overlapping_runs(name: str) -> None:
    """What only people start has no limit: two of them may want two models at once."""
    limit = DEPLOYMENTS[name].get("concurrency_limit")
    assert (limit is not None) == (name in SCHEDULED)
    if limit is not None:
        strategy = ConcurrencyOptions(collision_strategy=limit["collision_strategy"])
        assert (limit["limit"], strategy.collision_strategy.value) == (1, "CANCEL_NEW")
