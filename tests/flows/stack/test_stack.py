"""The whole stack, in real processes on free ports: up, repaired, used, and taken down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from flows.stack import processes, servers
from tasks.environment import local_stack
from tasks.environment.local_stack import MLFLOW, PREFECT, WORKER
from tests.support import stack as stacks
from tests.support.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A home with a stack that is up, of which nothing is left at the end."""
    with stacks.up(tmp_path_factory.mktemp("stack")) as running:
        yield running
    assert [processes.server_processes(running.state, server) for server in servers.NAMES] == [
        [],
        [],
        [],
    ]
    assert running.coldpress("down").output == "nothing was running\n"
    assert running.coldpress("status").code == 1


def test_both_pages_open_and_all_servers_answer(stack: Stack) -> None:
    assert f"{stack.address(MLFLOW)}\n" in stack.up_output
    assert f"{stack.address(PREFECT)}/v2\n" in stack.up_output
    result = stack.coldpress("status")
    assert (result.code, result.output.count(" yes")) == (0, 3)
    mlflow = httpx.get(stack.address(MLFLOW))
    prefect = httpx.get(f"{stack.address(PREFECT)}/v2", follow_redirects=True)
    assert [(page.status_code, "<html" in page.text) for page in (mlflow, prefect)] == [
        (200, True),
        (200, True),
    ]
    settings = httpx.get(f"{stack.address(PREFECT)}/ui-settings").json()
    assert settings["api_url"] == f"{stack.address(PREFECT)}/api"


def test_the_pool_the_deployments_and_the_automations_are_there(stack: Stack) -> None:
    deployments = stack.ask("POST", "deployments/filter", {})
    assert {"demo", "promote", "rollback", "gc", "re-evaluate"} <= {d["name"] for d in deployments}
    assert {d["work_pool_name"] for d in deployments} == {"coldpress"}
    automations = stack.ask("POST", "automations/filter", {})
    names = {automation["name"] for automation in automations}
    assert names == {
        "coldpress-crashed-runs",
        "coldpress-pending-runs",
        "coldpress-answer-drift",
    }


def test_requests_of_foreign_hosts_and_origins_are_refused(stack: Stack) -> None:
    mlflow = stack.address(MLFLOW)
    foreign = {"Host": "attacker.example"}
    response = httpx.get(f"{mlflow}/api/2.0/mlflow/experiments/search", headers=foreign)
    assert response.status_code == 403
    origin = {"Origin": "http://attacker.example"}
    answered = httpx.get(f"{stack.address(PREFECT)}/api/health", headers=origin)
    assert "access-control-allow-origin" not in answered.headers
    for server in (MLFLOW, PREFECT):
        connections = [
            c for p in processes.server_processes(stack.state, server) for c in p.net_connections()
        ]
        hosts = {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
        assert hosts == {"127.0.0.1"}


def test_a_second_up_changes_nothing(stack: Stack) -> None:
    before = stack.running()
    result = stack.coldpress("up")
    assert (result.code, result.output.splitlines()[0]) == (0, "everything is already running")
    assert stack.running() == before


@pytest.mark.parametrize("server", [MLFLOW, PREFECT, WORKER])
def test_up_starts_again_what_was_killed_where_it_was(stack: Stack, server: str) -> None:
    """Only the first of its processes is killed; the others would go on and hold the port."""
    before = dict(zip(servers.NAMES, stack.running(), strict=True))
    ports = [local_stack.read_server_record(stack.state, s).port for s in servers.NAMES]
    victim = before.pop(server)
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(victim)] if psutil.pid_exists(victim) else [], timeout=30)
    status_result = stack.coldpress("status")
    assert (status_result.code, " gone" in status_result.output) == (1, True)
    result = stack.coldpress("up")
    assert result.output.splitlines()[0] == f"started: {servers.TITLES[server]}", result.error
    after = dict(zip(servers.NAMES, stack.running(), strict=True))
    assert after.pop(server) not in (None, victim)
    assert after == before
    assert [local_stack.read_server_record(stack.state, s).port for s in servers.NAMES] == ports
    assert stack.coldpress("status").code == 0


def test_a_run_is_shown_by_both_servers_and_survives_a_restart(stack: Stack) -> None:
    outcome = stack.coldpress.run_tiny()
    assert outcome["mlflow"]["tracking_uri"] == stack.address(MLFLOW)
    assert stack.coldpress("down").output == "stopped: worker, Prefect, MLflow\n"
    assert (
        stack.coldpress("lineage", "tiny").code == 2
    )  # embedded again, where there is no such model
    assert stack.coldpress("up").code == 0
    response = httpx.get(f"{stack.address(PREFECT)}/api/flow_runs/{outcome['flow_run_id']}")
    assert response.json()["state_type"] == "COMPLETED"
    lineage = json.loads(stack.coldpress("lineage", "tiny", "--json").output)
    assert lineage["digest"] == outcome["stages"][5]["digest"]


def test_embedded_models_are_imported_and_reused(stack: Stack) -> None:
    stack.coldpress("down")
    embedded = stack.coldpress.run_tiny("--set", "name=other")
    assert embedded["mlflow"]["tracking_uri"].startswith("sqlite:")
    result = stack.coldpress("up", "--import")
    assert result.code == 0, result.error
    line = next(x for x in result.output.splitlines() if x.startswith("imported: "))
    assert line.removeprefix("imported: ").split(", ") == [
        *("other/1", "other-pruned/1", "other-quantized/1", "other-student/1", "other-teacher/1")
    ]
    again = stack.coldpress.run_tiny("--set", "name=other")
    assert again["mlflow"]["tracking_uri"] == stack.address(MLFLOW)
    assert [stage["status"] for stage in again["stages"]] == ["reused"] * 7
    assert [s["digest"] for s in again["stages"]] == [s["digest"] for s in embedded["stages"]]
    assert stack.coldpress("up", "--import").output.endswith("imported: nothing new\n")


def test_an_up_that_is_killed_at_any_instant_is_completed_by_the_next(
    stack: Stack,
) -> None:
    stack.coldpress("down")
    for seconds in (0.3, 0.6, 2.0):
        with subprocess.Popen(
            stack.coldpress.command("up"), cwd=stack.coldpress.home, env=stack.coldpress.environment
        ) as up:
            time.sleep(seconds)
            up.kill()
    assert stack.coldpress("up").code == 0
    assert stack.coldpress("status").code == 0
    mains = [processes.server_processes(stack.state, server) for server in servers.NAMES]
    parents = [{p.pid for p in group} for group in mains]
    tops = [
        [p.pid for p in group if p.ppid() not in pids]
        for group, pids in zip(mains, parents, strict=True)
    ]
    assert tops == [[pid] for pid in stack.running()]
