"""deployments/compose.yaml, held to its schema, to its lint and to `.env.example`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from copy import deepcopy
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for

from tests.support.compose_lint import SECRET, VARIABLE, ends, faults

FOLDER = Path(__file__).parents[2] / "deployments"
TEXT = (FOLDER / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
CUDA: dict[str, Any] = yaml.safe_load((FOLDER / "compose.cuda.yaml").read_text())
VOLUME: dict[str, Any] = yaml.safe_load((FOLDER / "compose.volume.yaml").read_text())
EXAMPLE = dict(
    line.split("=", 1)
    for line in (FOLDER / ".env.example").read_text().splitlines()
    if line and not line.startswith("#")
)
SECRETS = {name for name in EXAMPLE if SECRET.search(name)}
SCHEMA = json.loads(
    resources.files("check_jsonschema")
    .joinpath("builtin_schemas", "vendor", "compose-spec.json")
    .read_text(encoding="utf-8")
)


def wrong(compose: Mapping[str, Any]) -> list[str]:
    """What the schema of the Compose Specification refuses."""
    return [error.message for error in validator_for(SCHEMA)(SCHEMA).iter_errors(compose)]


@pytest.mark.parametrize("file", [COMPOSE, CUDA, VOLUME], ids=["compose", "cuda", "volume"])
def test_the_file_conforms_to_the_compose_specification(file: dict[str, Any]) -> None:
    assert wrong(file) == []
    slip = deepcopy(file)
    slip["services"]["worker"]["enviroment"] = {}
    assert "enviroment" in str(wrong(slip))


def test_the_compose_file_has_no_fault() -> None:
    assert faults(COMPOSE) == []


@pytest.mark.parametrize(
    ("service", "key", "value", "fault"),
    [
        ("mlflow", "healthcheck", {}, "no health check"),
        ("prefect", "restart", "no", "nobody starts it again"),
        ("prefect", "cap_add", ["NET_ADMIN"], "has capabilities"),
        ("worker", "cap_drop", [], "has capabilities"),
        ("worker", "security_opt", [], "may gain privileges"),
        ("worker", "read_only", False, "may write into its image"),
        ("worker", "privileged", True, "sets privileged"),
        ("worker", "network_mode", "host", "sets network_mode"),
        ("postgres", "user", "root", "runs as root"),
        ("mlflow", "deploy", {"resources": {"limits": {"cpus": "1"}}}, "no limit of memory"),
        ("mlflow", "logging", {"driver": "json-file"}, "its log grows for ever"),
        ("mlflow", "ports", ["5000:5000"], "publishes 5000:5000 beyond this machine"),
        ("mlflow", "ports", ["0.0.0.0:5000:5000"], "beyond this machine"),
        ("postgres", "image", "postgres", "is not pinned"),
        ("postgres", "image", "postgres:latest", "is not pinned"),
        ("worker", "volumes", ["/var/run/docker.sock:/s:ro"], "is given /var/run/docker.sock"),
        ("worker", "volumes", ["./here:/there"], "writes into ./here"),
        ("worker", "volumes", ["elsewhere:/there"], "volume elsewhere is declared, or used, alone"),
        ("mlflow", "command", ["--a=${MLFLOW_ADMIN_PASSWORD:?x}"], "shows MLFLOW_ADMIN_PASSWORD"),
        ("worker", "build", {"args": {"A": "${PREFECT_AUTH_STRING:?x}"}}, "in its build"),
        ("mlflow", "environment", {"PGPASSWORD": "mlflow"}, "value of PGPASSWORD written down"),
        ("worker", "depends_on", {"mlflow": {"condition": "service_started"}}, "not wait for"),
    ],
)
def test_each_rule_finds_its_fault(service: str, key: str, value: object, fault: str) -> None:
    compose = deepcopy(COMPOSE)
    compose["services"][service][key] = value
    assert fault in "\n".join(faults(compose))


def test_a_volume_that_nothing_mounts_is_found() -> None:
    compose = deepcopy(COMPOSE)
    compose["volumes"]["old"] = None
    assert faults(compose) == ["volume old is declared, or used, alone"]


def test_the_example_has_exactly_the_variables_of_the_compose_files() -> None:
    variables = {name for text in (TEXT, str(CUDA)) for name, *_ in VARIABLE.findall(text)}
    inner = {name for *_, rest in VARIABLE.findall(TEXT) for name, *_ in VARIABLE.findall(rest)}
    assert variables | inner == set(EXAMPLE)


def test_workers_that_use_the_volume_of_mlflow_find_it_where_the_server_writes() -> None:
    (mounted,) = VOLUME["services"]["worker"]["volumes"]
    assert mounted in SERVICES["mlflow"]["volumes"]
    assert mounted == "mlflow-artifacts:/var/lib/mlflow"
    command = SERVICES["mlflow"]["command"]
    assert "--artifacts-destination=/var/lib/mlflow/artifacts" in command
    assert "--default-artifact-root=${ARTIFACT_ROOT:-mlflow-artifacts:/}" in command
    assert EXAMPLE["ARTIFACT_ROOT"] == "mlflow-artifacts:/"


def test_a_missing_secret_stops_with_a_line_and_none_has_a_value_in_the_repository() -> None:
    assert {name: EXAMPLE[name] for name in SECRETS} == dict.fromkeys(SECRETS, "")
    assert len(SECRETS) == 6
    for name, how, message in VARIABLE.findall(TEXT):
        assert (how == ":?") == (name in SECRETS), name
        assert how in {":-", ":+"} or message.startswith("set it in deployments/.env")


def test_no_image_and_no_commit_takes_the_secrets_along() -> None:
    root = FOLDER.parent
    ignored = (root / ".dockerignore").read_text().splitlines()
    assert next(line for line in ignored if not line.startswith("#")) == "*"
    assert "deployments/.env" in ignored
    assert "deployments/.env" in (root / ".gitignore").read_text().splitlines()


def test_the_database_is_reached_by_the_servers_alone() -> None:
    inside = {
        name for name, service in SERVICES.items() if "database" in service.get("networks", [])
    }
    assert inside == {"postgres", "mlflow", "prefect"}
    assert SERVICES["postgres"]["networks"] == ["database"]
    assert COMPOSE["networks"]["database"] == {"internal": True}
    assert "ports" not in SERVICES["postgres"]


def test_each_server_has_a_user_and_databases_of_its_own() -> None:
    """The script in the image of PostgreSQL makes what the servers ask for."""
    script = (FOLDER / "init-databases.sh").read_text()
    assert os.access(FOLDER / "init-databases.sh", os.X_OK)
    for server, databases in {"mlflow": ["mlflow", "mlflow_auth"], "prefect": ["prefect"]}.items():
        environment = SERVICES[server]["environment"]
        assert (environment["PGHOST"], environment["PGUSER"]) == ("postgres", server)
        password = environment["PGPASSWORD"]
        variable = VARIABLE.fullmatch(password).group(1)  # type: ignore[union-attr]
        assert variable in SERVICES["postgres"]["environment"]
        assert f"\\getenv {server}_password {variable}" in script
        for database in databases:
            assert f"CREATE DATABASE {database} OWNER {server};" in script
    assert re.findall(r"postgresql\S*:///(\w+)", TEXT) == ["mlflow", "prefect"]
    ini = (FOLDER.parent / "mlflow" / "basic_auth.ini").read_text()
    assert "database_uri = postgresql:///mlflow_auth\n" in ini


def test_mlflow_and_prefect_ask_who_you_are() -> None:
    command = SERVICES["mlflow"]["command"]
    environment = SERVICES["mlflow"]["environment"]
    assert {"--app-name=basic-auth"} <= set(command)
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert {"MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY"} <= set(environment)
    prefect = SERVICES["prefect"]["environment"]
    assert prefect["PREFECT_SERVER_API_AUTH_STRING"] == prefect["PREFECT_API_AUTH_STRING"]
    assert prefect["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_mlflow_answers_to_its_own_names_alone() -> None:
    (hosts,) = (w for w in SERVICES["mlflow"]["command"] if w.startswith("--allowed-hosts="))
    allowed = VARIABLE.sub(lambda match: match[3], hosts.removeprefix("--allowed-hosts="))
    ours = {"mlflow", "mlflow:5000", "127.0.0.1:5000", "localhost:5000"}
    assert set(allowed.split(",")) == ours


def test_workers_come_last_and_go_first() -> None:
    """Compose stops in the reverse of this order; a worker without its server does not end."""
    assert set(SERVICES["worker"]["depends_on"]) == {"deploy", "mlflow", "prefect"}
    assert ends(SERVICES["deploy"])
    assert set(SERVICES["deploy"]["depends_on"]) == {"prefect"}


def test_both_services_that_are_built_of_an_image_are_built_alike() -> None:
    for compose in (COMPOSE, CUDA):
        services = compose["services"]
        assert services["deploy"]["build"] == services["worker"]["build"]
    assert SERVICES["mlflow"]["build"] == SERVICES["prefect"]["build"]
    assert SERVICES["worker"]["build"]["args"] == {"TORCH": "${TORCH:-cpu}"}
    assert CUDA["services"]["worker"]["build"]["args"] == {"TORCH": "${TORCH:-cu126}"}


def _docker_compose() -> bool:
    docker = shutil.which("docker")
    return (
        docker is not None
        and not subprocess.run(
            [docker, "compose", "version"], capture_output=True, check=False
        ).returncode
    )


@pytest.mark.skipif(not _docker_compose(), reason="docker compose is not installed")
def test_docker_compose_reads_it_and_stops_where_a_secret_is_missing(tmp_path: Path) -> None:
    filled = {name: EXAMPLE[name] or "x" for name in EXAMPLE}
    for missing in (None, *sorted(SECRETS)):
        env = tmp_path / "env"
        env.write_text("".join(f"{k}={v}\n" for k, v in filled.items() if k != missing))
        words = ["-f", str(FOLDER / "compose.yaml"), "--env-file", str(env), "config", "--quiet"]
        result = subprocess.run(
            ["docker", "compose", *words], capture_output=True, text=True, check=False
        )
        assert (result.returncode == 0) == (missing is None), result.stderr
        assert missing is None or f"{missing} is missing a value: set it in" in result.stderr
