"""Command lines of compose and the charts, parsed by the installed programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import mlflow.cli
import mlflow.environment_variables
import pytest
import yaml
from cyclopts import CycloptsError
from prefect.cli._app import _app as prefect_cli
from prefect.settings import Settings
from prefect.settings.legacy import _get_settings_fields

from flows.cli.main import app
from tests.support.compose_lint import VARIABLE

FOLDER = Path(__file__).parents[2] / "deployments"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "compose.yaml").read_text())[
    "services"
]


def chart(name: str) -> Any:  # noqa: ANN401
    """The values of a chart."""
    return yaml.safe_load((FOLDER / f"kubernetes/{name}.yaml").read_text())


def filled(words: Sequence[str]) -> list[str]:
    """A command line with the defaults of its variables."""
    return [VARIABLE.sub(lambda match: VARIABLE.sub(r"\3", match[3]), word) for word in words]


def mlflow_reads(words: Sequence[str]) -> dict[str, Any]:
    """What `mlflow server` makes of its options."""
    assert list(words[:2]) == ["mlflow", "server"]
    return mlflow.cli.server.make_context("server", filled(words[2:])).params


def prefect_reads(words: Sequence[str]) -> dict[str, Any]:
    """What a command of `prefect` makes of its options."""
    assert words[0] == "prefect"
    _, bound, _ = prefect_cli.parse_args(filled(words[1:]), exit_on_error=False, print_error=False)
    return dict(bound.arguments)


def test_a_misspelt_option_is_found() -> None:
    with pytest.raises(click.NoSuchOption):
        mlflow_reads(["mlflow", "server", "--alowed-hosts=mlflow"])
    with pytest.raises(CycloptsError):
        prefect_reads(["prefect", "worker", "start", "--pol=coldpress"])
    with pytest.raises(CycloptsError):
        prefect_reads(["prefect", "worker", "start", "--install-policy=nevr"])


def test_mlflow_of_compose() -> None:
    read = mlflow_reads(SERVICES["mlflow"]["command"])
    assert (read["host"], read["port"], read["app_name"]) == ("0.0.0.0", 5000, "basic-auth")
    assert read["backend_store_uri"] == "postgresql:///mlflow"
    assert read["artifacts_destination"] == "/var/lib/mlflow/artifacts"
    assert read["serve_artifacts"] is True
    origins = "http://127.0.0.1:5000,http://localhost:5000,https://mlflow"
    assert read["cors_allowed_origins"] == origins


def test_mlflow_of_the_chart() -> None:
    """The chart makes `--key=value` of them, with dashes, and sets the two stores by variable."""
    values = chart("mlflow-values")
    options = values["server"]["value_options"]
    words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    flags = [f"--{flag.replace('_', '-')}" for flag in values["server"]["flag_options"]]
    read = mlflow_reads(["mlflow", "server", *words, *flags])
    assert (read["host"], read["port"], read["app_name"]) == ("0.0.0.0", 5000, "basic-auth")
    assert "mlflow:5000" in read["allowed_hosts"].split(",")


def test_prefect_of_compose_and_of_the_chart() -> None:
    started = {"host": "0.0.0.0", "port": 4200}
    assert prefect_reads(SERVICES["prefect"]["command"]) == started
    server = chart("prefect-server-values")["server"]
    assert prefect_reads([*server["command"], *server["args"]]) == started


def test_the_worker_of_compose() -> None:
    read = prefect_reads(SERVICES["worker"]["command"])
    assert (read["work_pool_name"], read["worker_type"]) == ("coldpress", "process")
    assert (read["create_pool_if_not_found"], read["with_healthcheck"]) == (False, True)
    assert read["install_policy"].value == "never"


def test_the_service_that_answers_requests() -> None:
    program, *words = SERVICES["serve"]["command"]
    _, bound, _ = app.parse_args(filled(words), exit_on_error=False, print_error=False)
    assert program == "coldpress"
    expected = {"model": "demo@champion", "host": "0.0.0.0", "port": 8080}
    assert bound.arguments == {**expected, "allowed_hosts": "serve"}


def test_the_service_that_makes_the_deployments() -> None:
    python, dash_m, module = SERVICES["deploy"]["command"]
    assert (python, dash_m) == ("python", "-m")
    assert find_spec(module) is not None


def environments() -> dict[str, Mapping[str, str]]:
    """Whatever sets variables for MLflow, Prefect or a worker."""
    variables = {f"compose-{name}": entry["environment"] for name, entry in SERVICES.items()}
    for name in ("mlflow-values", "prefect-server-values"):
        values = chart(name)
        listed = [
            *values.get("env", []),
            *values.get("global", {}).get("prefect", {}).get("env", []),
        ]
        variables[name] = {entry["name"]: "" for entry in listed}
    return variables


@pytest.mark.parametrize("where", environments())
def test_every_variable_is_one_that_is_read(where: str) -> None:
    settings = _get_settings_fields(Settings)
    for name in environments()[where]:
        if name.startswith("PREFECT_") and name != "PREFECT_DATABASE_PASSWORD":
            assert name in settings
        if name.startswith("MLFLOW_") and name != "MLFLOW_DATABASE_PASSWORD":
            assert hasattr(mlflow.environment_variables, name)
