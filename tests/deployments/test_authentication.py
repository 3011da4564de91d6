"""Servers that ask who you are: with credentials all works, without them nothing can be read."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.support.command import Coldpress, CommandResult
from tests.support.team_servers import Team

pytestmark = pytest.mark.xdist_group("team")

# What a server tells to anybody: that it is there, and how to log in. Its pages hold no data.
OPEN_IN_MLFLOW = {
    ("GET", "/health"),
    ("GET", "/api/3.0/mlflow/server-info"),
    ("GET", "/ajax-api/3.0/mlflow/server-info"),
    ("GET", "/static-files/1"),
}
OPEN_IN_PREFECT = {("GET", "/health"), ("GET", "/ready")}
WATCH = """
from tasks.environment import home
home.configure_environment()
from flows.watch_registry import watch_registry
print([record.tags["moved_by_hand"] for record in watch_registry()])
"""
MLFLOW = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("lineage", "tiny@champion"), "tiny-teacher/1"),
        (("predict", "tiny@champion", "where is my order"), '"label"'),
        (("report", "tiny/1"), "tiny-1.html"),
        (("card", "tiny/1"), "library_name: onnxruntime"),
        (("pull", "tiny/1", "pulled"), ""),
        (("gc", "--dry-run"), "would be removed"),
    ],
)
def test_with_credentials_a_command_does_what_it_does(
    member: Coldpress, tiny_run: dict[str, Any], words: tuple[str, ...], text: str
) -> None:
    result = member(*words)
    assert (result.code, text in result.output) == (0, True), result.error


def test_a_run_prints_what_it_prints_without_servers(
    member: Coldpress, team: Team, tiny_run: dict[str, Any]
) -> None:
    """Without the lines that MLflow's client adds, one a run, where a server is behind it."""
    result = member("run", "./tiny.yaml")
    assert (result.code, result.output.count("reused")) == (0, 7)
    assert team.mlflow not in result.output


def test_with_credentials_a_champion_moved_by_hand_is_detected(
    team: Team, member: Coldpress, tiny_run: dict[str, Any]
) -> None:
    alias = {"name": "tiny", "alias": "champion", "version": "2"}
    path = f"{team.mlflow}/api/2.0/mlflow/registered-models/alias"
    user = tuple(team.credentials[name] for name in MLFLOW)
    httpx.post(path, json=alias, auth=user).raise_for_status()  # type: ignore[arg-type]
    watched = subprocess.run(
        [sys.executable, "-c", WATCH], env=member.environment, capture_output=True, text=True
    )
    assert watched.stdout.endswith("['champion 1 -> 2']\n"), watched.stderr
    assert member("rollback", "tiny", "--reason", "moved by hand").code == 0


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (MLFLOW[:1], ("lineage", "tiny/1")),
        (MLFLOW[1:], ("run", "./tiny.yaml")),
        (MLFLOW, ("predict", "tiny/1", "text")),
        (MLFLOW, ("promote", "tiny/2", "--reason", "better")),
        (("PREFECT_API_AUTH_STRING",), ("promote", "tiny/2", "--reason", "better")),
        (("PREFECT_API_AUTH_STRING",), ("run", "./tiny.yaml")),
    ],
)
def test_without_credentials_one_line_names_the_server_and_the_variable(
    team: Team,
    member: Coldpress,
    tiny_run: dict[str, Any],
    missing: tuple[str, ...],
    words: Any,  # noqa: ANN401
) -> None:
    command = without(team, missing)
    # Not in this process, whose earlier commands had the credentials.
    result = command.run_process(words, command.environment)
    server = team.mlflow if missing[0] in MLFLOW else team.prefect.environment["PREFECT_API_URL"]
    assert one_line(result).startswith(f"coldpress: {missing[0]}: the ")
    assert f"at {server} requires a login; set " in result.error


def without(team: Team, missing: tuple[str, ...]) -> Coldpress:
    """The command, as somebody runs it who lacks variables."""
    environment = team.prefect.environment
    return Coldpress(
        team.folder / "member", {k: v for k, v in environment.items() if k not in missing}
    )


def one_line(result: CommandResult) -> str:
    """What a command said that was asked for something wrong."""
    assert (result.code, result.output) == (2, ""), result.error
    (line,) = result.error.splitlines()
    return line


@pytest.mark.parametrize("wrong", ["MLFLOW_TRACKING_PASSWORD", "PREFECT_API_AUTH_STRING"])
def test_wrong_credentials_are_called_so(
    team: Team, member: Coldpress, tiny_run: dict[str, Any], wrong: str
) -> None:
    result = member("promote", "tiny/2", "--reason", "better", also={wrong: "any:wrong"})
    assert one_line(result).startswith(f"coldpress: {wrong}: ")
    assert "does not accept" in result.error


@pytest.mark.parametrize("server", ["MLFLOW_TRACKING_URI", "PREFECT_API_URL"])
def test_an_address_with_a_password_is_refused_and_shown_nowhere(
    team: Team, member: Coldpress, server: str, tmp_path: Path
) -> None:
    address = team.prefect.environment[server].replace("://", "://anna:s3cret@")
    outcome = tmp_path / "outcome.json"
    result = member("run", "./tiny.yaml", "--json", str(outcome), also={server: address})
    assert one_line(result).startswith(f"coldpress: {server}: must not contain a user")
    doctor = member("doctor", also={server: address})
    assert (doctor.code, "must not contain a user" in " ".join(doctor.output.split())) == (
        0,
        True,
    )
    assert "s3cret" not in result.error + doctor.output + outcome.read_text()


def test_a_user_with_read_access_gets_a_message(
    team: Team, member: Coldpress, tiny_run: dict[str, Any]
) -> None:
    reader = Coldpress(member.home, team.user("reader"))
    assert reader("lineage", "tiny/1").code == 0
    result = reader("promote", "tiny/2", "--reason", "better")
    assert one_line(result) == (
        "coldpress: MLFLOW_TRACKING_USERNAME: the MLflow server does not allow reader to do that"
    )
    assert "tiny/2" not in json.loads(reader("lineage", "tiny@champion", "--json").output)["name"]


def test_doctor_reports_which_server_grants_access(team: Team, member: Coldpress) -> None:
    assert " ".join(member("doctor").output.split()).count(" answers ") == 2
    result = without(team, MLFLOW)("doctor")
    output = " ".join(result.output.split())
    assert (result.code, output.count("requires a login"), output.count(" answers ")) == (0, 1, 1)


def test_status_is_of_the_stack_alone(member: Coldpress) -> None:
    result = member("status")
    assert (result.code, result.output.count(" no ")) == (1, 3)


def test_no_route_of_mlflow_answers_without_credentials(team: Team) -> None:
    """All of this version: its Flask and its FastAPI application, artifacts and pages included."""
    server = importlib.import_module("mlflow.server")
    fastapi = importlib.import_module("mlflow.server.fastapi_app").create_fastapi_app(server.app)
    flask = {
        (method, re.sub("<[^>]*>", "1", rule.rule))
        for rule in server.app.url_map.iter_rules()
        for method in rule.methods
    }
    paths = vars(importlib.import_module("mlflow.server.auth.routes")).values()
    users = {(m, p) for p in paths if str(p).startswith("/") for m in METHODS}
    routes = {(m, p) for m, p in flask | users | {*endpoints(fastapi.routes)} if m in METHODS}
    assert ("GET", "/ajax-api/2.0/mlflow-artifacts/artifacts/1") in routes
    assert ("POST", "/api/2.0/mlflow/users/create") in routes
    assert len(routes) > 700
    assert answered(team.mlflow, routes) == OPEN_IN_MLFLOW


def test_no_route_of_prefect_answers_without_credentials(team: Team) -> None:
    application = importlib.import_module("prefect.server.api.server").create_api_app()
    routes = {(m, p) for m, p in endpoints(application.routes) if m in METHODS}
    assert ("POST", "/flow_runs/filter") in routes
    assert len(routes) > 150
    assert answered(team.prefect.environment["PREFECT_API_URL"], routes) == OPEN_IN_PREFECT


METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def endpoints(routes: Any, prefix: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Method and path of every route, with something in place of each parameter."""
    for route in routes:
        if hasattr(route, "original_router"):
            inner = route.original_router.routes
            yield from endpoints(inner, prefix + route.include_context.prefix)
        for method in getattr(route, "methods", None) or ():
            yield method, re.sub("{[^}]*}", "1", prefix + route.path)


def answered(address: str, routes: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The routes that gave anything but a refusal to somebody without credentials."""
    denied = {401, 403}
    with httpx.Client(timeout=60) as client:
        responses = (
            (route, client.request(route[0], address + route[1])) for route in sorted(routes)
        )
        return {route for route, answer in responses if answer.status_code not in denied}


@pytest.mark.parametrize("path", ["events/out", "logs/out", "events/in"])
@pytest.mark.parametrize("token", [None, "wrong"])
def test_no_stream_of_prefect_opens_without_credentials(
    team: Team, path: str, token: str | None
) -> None:
    with pytest.raises(WebSocketException):
        listen(team, path, token)
    _, _, auth_string = team.credentials.values()
    assert listen(team, path, auth_string) == {"type": "auth_success"}


def listen(team: Team, path: str, token: str | None) -> Mapping[str, Any]:
    """What a stream answers first to somebody who says a token."""
    address = team.prefect.environment["PREFECT_API_URL"].replace("http", "ws")
    with connect(f"{address}/{path}", subprotocols=["prefect"]) as stream:  # type: ignore[list-item]
        stream.send(json.dumps({"type": "auth", "token": token}))
        answer: Mapping[str, Any] = json.loads(stream.recv(timeout=30))
        return answer
