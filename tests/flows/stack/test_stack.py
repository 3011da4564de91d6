"""The whole stack, in real processes on free ports: up, repaired, used, and taken down."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from command import Coldpress, new_home

from flows.stack import members, servers
from tasks import local_stack
from tasks.local_stack import MLFLOW, PREFECT, WORKER

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]


def free_ports() -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found


@pytest.fixture(scope="module")
def coldpress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coldpress]:
    """A home with a stack that is up."""
    command = new_home(tmp_path_factory.mktemp("stack"))
    mlflow, prefect = free_ports()
    began = time.monotonic()
    done = command("up", "--port-mlflow", str(mlflow), "--port-prefect", str(prefect))
    print(f"up took {time.monotonic() - began:.1f} s")  # noqa: T201
    try:
        assert done.code == 0, done.error
        assert f"http://127.0.0.1:{mlflow}\n" in done.output
        assert f"http://127.0.0.1:{prefect}/v2\n" in done.output
        yield command
    finally:
        ended = command("down")
    assert ended.code == 0
    assert [members.of(state(command), server) for server in servers.NAMES] == [[], [], []]
    assert command("down").output == "nothing ran\n"
    assert command("status").code == 1


def state(coldpress: Coldpress) -> Path:
    return coldpress.home / "state"


def running(coldpress: Coldpress) -> list[int | None]:
    return [local_stack.pid(local_stack.read(state(coldpress), s)) for s in servers.NAMES]


def address(coldpress: Coldpress, server: str) -> str:
    return local_stack.origin(local_stack.read(state(coldpress), server).port)


def asked(coldpress: Coldpress, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401
    return httpx.post(f"{address(coldpress, PREFECT)}/api/{path}", json=body).json()


def test_both_pages_open_and_all_of_it_answers(coldpress: Coldpress) -> None:
    done = coldpress("status")
    assert (done.code, done.output.count(" yes")) == (0, 3)
    mlflow = httpx.get(address(coldpress, MLFLOW))
    prefect = httpx.get(f"{address(coldpress, PREFECT)}/v2", follow_redirects=True)
    assert [(page.status_code, "<html" in page.text) for page in (mlflow, prefect)] == [
        (200, True),
        (200, True),
    ]
    settings = httpx.get(f"{address(coldpress, PREFECT)}/ui-settings").json()
    assert settings["api_url"] == f"{address(coldpress, PREFECT)}/api"


def test_the_pool_the_deployments_and_the_automation_are_there(coldpress: Coldpress) -> None:
    deployments = asked(coldpress, "deployments/filter", {})
    assert {"demo", "promote", "rollback", "gc"} <= {d["name"] for d in deployments}
    assert {d["work_pool_name"] for d in deployments} == {"coldpress"}
    automations = asked(coldpress, "automations/filter", {})
    assert [a["name"] for a in automations] == ["coldpress-crashed-runs"]


def test_strangers_are_refused(coldpress: Coldpress) -> None:
    mlflow = address(coldpress, MLFLOW)
    foreign = {"Host": "attacker.example"}
    refused = httpx.get(f"{mlflow}/api/2.0/mlflow/experiments/search", headers=foreign)
    assert refused.status_code == 403
    origin = {"Origin": "http://attacker.example"}
    answered = httpx.get(f"{address(coldpress, PREFECT)}/api/health", headers=origin)
    assert "access-control-allow-origin" not in answered.headers
    for server in (MLFLOW, PREFECT):
        listening = [c for p in members.of(state(coldpress), server) for c in p.net_connections()]
        hosts = {c.laddr.ip for c in listening if c.status == psutil.CONN_LISTEN}
        assert hosts == {"127.0.0.1"}


def test_a_second_up_changes_nothing(coldpress: Coldpress) -> None:
    before = running(coldpress)
    done = coldpress("up")
    assert (done.code, done.output.splitlines()[0]) == (0, "all of it runs already")
    assert running(coldpress) == before


@pytest.mark.parametrize("server", [MLFLOW, PREFECT, WORKER])
def test_up_starts_again_what_was_killed_where_it_was(coldpress: Coldpress, server: str) -> None:
    """Only the first of its processes is killed; the others would go on and hold the port."""
    before, at = dict(zip(servers.NAMES, running(coldpress), strict=True)), servers.NAMES
    ports = [local_stack.read(state(coldpress), s).port for s in at]
    victim = before.pop(server)
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(victim)] if psutil.pid_exists(victim) else [], timeout=30)
    looked = coldpress("status")
    assert (looked.code, " gone" in looked.output) == (1, True)
    done = coldpress("up")
    assert done.output.splitlines()[0] == f"started: {servers.TITLES[server]}", done.error
    after = dict(zip(servers.NAMES, running(coldpress), strict=True))
    assert after.pop(server) not in (None, victim)
    assert after == before
    assert [local_stack.read(state(coldpress), s).port for s in at] == ports
    assert coldpress("status").code == 0


def test_a_run_is_seen_in_both_servers_and_survives_a_restart(coldpress: Coldpress) -> None:
    outcome = coldpress.press()
    assert outcome["mlflow"]["tracking_uri"] == address(coldpress, MLFLOW)
    assert coldpress("down").output == "ended: worker, Prefect, MLflow\n"
    assert coldpress("lineage", "tiny").code == 2  # embedded again, where there is no such model
    assert coldpress("up").code == 0
    found = httpx.get(f"{address(coldpress, PREFECT)}/api/flow_runs/{outcome['flow_run_id']}")
    assert found.json()["state_type"] == "COMPLETED"
    lineage = json.loads(coldpress("lineage", "tiny", "--json").output)
    assert lineage["digest"] == outcome["stages"][5]["digest"]


def test_what_was_made_embedded_is_brought_over_and_reused(coldpress: Coldpress) -> None:
    coldpress("down")
    embedded = coldpress.press("--set", "name=other")
    assert embedded["mlflow"]["tracking_uri"].startswith("sqlite:")
    done = coldpress("up", "--import")
    assert done.code == 0, done.error
    brought = next(x for x in done.output.splitlines() if x.startswith("brought over: "))
    assert brought.removeprefix("brought over: ").split(", ") == [
        *("other/1", "other-pruned/1", "other-quantized/1", "other-student/1", "other-teacher/1")
    ]
    again = coldpress.press("--set", "name=other")
    assert again["mlflow"]["tracking_uri"] == address(coldpress, MLFLOW)
    assert [stage["status"] for stage in again["stages"]] == ["reused"] * 7
    assert [s["digest"] for s in again["stages"]] == [s["digest"] for s in embedded["stages"]]
    assert coldpress("up", "--import").output.endswith("brought over: nothing new\n")


def test_an_up_that_is_killed_at_any_instant_is_completed_by_the_next(
    coldpress: Coldpress,
) -> None:
    coldpress("down")
    for seconds in (0.3, 0.6, 2.0):
        with subprocess.Popen(
            coldpress.command("up"), cwd=coldpress.home, env=coldpress.environment
        ) as up:
            time.sleep(seconds)
            up.kill()
    assert coldpress("up").code == 0
    assert coldpress("status").code == 0
    mains = [members.of(state(coldpress), server) for server in servers.NAMES]
    parents = [{p.pid for p in group} for group in mains]
    tops = [
        [p.pid for p in group if p.ppid() not in pids]
        for group, pids in zip(mains, parents, strict=True)
    ]
    assert tops == [[pid] for pid in running(coldpress)]
