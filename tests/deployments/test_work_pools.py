"""deployments/work-pools: base job templates, held to Prefect's own and to their own schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import prefect.server.api
import pytest
import yaml
from jsonschema import Draft202012Validator

from tasks.environment import home

FOLDER = Path(__file__).parents[2] / "deployments"
TYPES = {"process": "prefect", "docker": "prefect-docker", "kubernetes": "prefect-kubernetes"}
TEMPLATES = {
    type_: json.loads((FOLDER / f"work-pools/{type_}.json").read_text()) for type_ in TYPES
}
COLLECTIONS = Path(prefect.server.api.__file__).parent / "collections_data/views"
PREFECTS: dict[str, Any] = json.loads(
    (COLLECTIONS / "aggregate-worker-metadata.json").read_text(encoding="utf-8")
)


def placeholders(configuration: object) -> set[str]:
    """The variables that a job configuration asks for."""
    return set(re.findall(r"{{ (\w+) }}", json.dumps(configuration)))


def defaults(type_: str) -> dict[str, Any]:
    """What a job gets when a deployment says nothing."""
    variables = TEMPLATES[type_]["variables"]["properties"]
    return {name: field["default"] for name, field in variables.items() if "default" in field}


@pytest.mark.parametrize("type_", TYPES)
def test_a_template_uses_exactly_the_variables_that_it_declares(type_: str) -> None:
    template = TEMPLATES[type_]
    assert set(template) == {"job_configuration", "variables"}
    assert placeholders(template["job_configuration"]) == set(template["variables"]["properties"])


@pytest.mark.parametrize("type_", TYPES)
def test_defaults_are_values_of_their_schema_and_a_wrong_one_would_not_be(type_: str) -> None:
    schema = {**TEMPLATES[type_]["variables"], "additionalProperties": False}
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(defaults(type_))
    assert not Draft202012Validator(schema).is_valid({**defaults(type_), "env": {"A": 1}})


@pytest.mark.parametrize("type_", TYPES)
def test_a_template_has_only_fields_of_prefects_default_template(type_: str) -> None:
    default = PREFECTS[TYPES[type_]][type_]["default_base_job_configuration"]
    ours = TEMPLATES[type_]
    assert ours["job_configuration"].keys() <= default["job_configuration"].keys()
    assert ours["variables"]["properties"].keys() <= default["variables"]["properties"].keys()


@pytest.mark.parametrize("type_", TYPES)
def test_job_variables_of_deployments_are_variables_of_each_pool(type_: str) -> None:
    schema = {**TEMPLATES[type_]["variables"], "additionalProperties": False}
    deployments = yaml.safe_load((FOLDER / "prefect.yaml").read_text())["deployments"]
    assert deployments
    for deployment in deployments:
        variables = deployment["work_pool"]["job_variables"]
        assert list(Draft202012Validator(schema).iter_errors(variables)) == []


@pytest.mark.parametrize("type_", TYPES)
def test_a_run_is_as_patient_with_servers_as_a_command(type_: str) -> None:
    patience = {"PREFECT_CLIENT_MAX_RETRIES": "7", "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500"}
    assert patience.items() <= defaults(type_)["env"].items()
    assert patience.items() <= home._DEFAULTS.items()


@pytest.mark.parametrize("type_", ["docker", "kubernetes"])
def test_a_container_keeps_its_state_where_a_volume_is_mounted(type_: str) -> None:
    environment = defaults(type_)["env"]
    home = "/var/lib/coldpress"
    for name in ("COLDPRESS_HOME", "HF_HOME", "PREFECT_HOME"):
        assert environment[name] == home or environment[name].startswith(f"{home}/")
    assert home in json.dumps(TEMPLATES[type_]).replace(json.dumps(environment), "")


def test_no_template_holds_a_secret_and_kubernetes_takes_them_from_its_own() -> None:
    text = json.dumps(TEMPLATES).lower()
    assert re.findall("password|token|api_key|auth_string", text) == []
    job = TEMPLATES["kubernetes"]["job_configuration"]["job_manifest"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "coldpress", "optional": True}}]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
