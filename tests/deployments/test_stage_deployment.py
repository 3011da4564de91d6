"""The deployment that a run creates for a work pool, held to those of prefect.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.stage import stage
from flows.stage_deployment import ensure_deployment
from tests.support.prefect_server import PrefectServer


@pytest.fixture
def address(server: PrefectServer) -> Iterator[PrefectServer]:
    """Point this process at the server."""
    with temporary_settings({PREFECT_API_URL: server.environment["PREFECT_API_URL"]}):
        yield server


def test_it_is_created_once_for_each_pool_and_watched_as_the_others_are(
    address: PrefectServer,
) -> None:
    address.answer("POST", "work_pools/", {"name": "arm", "type": "process"})
    first = ensure_deployment("arm")
    assert ensure_deployment("arm") == first
    assert ensure_deployment("coldpress") != first
    deployment = address.answer("GET", "deployments/name/stage/arm")
    assert deployment["id"] == str(first)
    assert deployment["work_pool_name"] == "arm"
    text = resources.files("deployments").joinpath("prefect.yaml").read_text(encoding="utf-8")
    demo = yaml.safe_load(text)["deployments"][0]
    assert deployment["tags"][0] == demo["tags"][0]
    assert deployment["job_variables"] == demo["work_pool"]["job_variables"]


def test_its_entry_point_is_the_flow_itself(address: PrefectServer) -> None:
    ensure_deployment("coldpress")
    deployment = address.answer("GET", "deployments/name/stage/coldpress")
    assert load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False) is stage
    parameters = deployment["parameter_openapi_schema"]["properties"]
    assert list(parameters) == ["recipe", "run", "stage", "inputs"]
