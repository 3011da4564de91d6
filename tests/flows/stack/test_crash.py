"""SIGKILL in the middle of a stage: the run is marked Crashed in time, and Retry resumes it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import psutil
import pytest
import yaml

from flows.stack import processes, servers
from tasks.environment.local_stack import WORKER
from tests.support import stack as stacks
from tests.support.command import RECIPE
from tests.support.stack import FINAL, Stack, within

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crash")]
# docs/operations.md: 90 seconds after the last beat, of which there is one every 30 seconds.
_SOONEST = 60
_LATEST = 120
_SLOW_PRUNING = [
    {"method": "neurons", "keep_neurons": 0.5, "recovery_epochs": 100},
    {"method": "heads", "keep_heads": 0.5, "recovery_epochs": 100},
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is up."""
    with stacks.up(tmp_path_factory.mktemp("crash")) as running:
        yield running


def recipe(name: str, **changes: object) -> dict[str, Any]:
    """The tiny recipe, as somebody would paste it into the form of `blank`."""
    return {**yaml.safe_load(RECIPE), "name": name, **changes}


def start_run(stack: Stack, recipe: dict[str, Any]) -> str:
    """Start a run of the deployment `blank`."""
    deployment = stack.ask("GET", "deployments/name/compress/blank")["id"]
    parameters = {"parameters": {"recipe": recipe}}
    path = f"deployments/{deployment}/create_flow_run"
    return str(stack.ask("POST", path, parameters)["id"])


def retry(stack: Stack, run_id: str) -> None:
    """Send what the button Retry sends."""
    state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
    stack.ask("POST", f"flow_runs/{run_id}/set_state", {"state": state, "force": True})


def state(stack: Stack, run_id: str) -> dict[str, Any]:
    state_: dict[str, Any] = stack.ask("GET", f"flow_runs/{run_id}")["state"]
    return state_


def stages(stack: Stack, run_id: str) -> list[tuple[str, str, str]]:
    """Stage, status in MLflow, and how it came about, of every run of a flow run, oldest first."""
    runs = [r for r in stack.runs_in_mlflow() if r["tags"].get("coldpress.flow_run_id") == run_id]
    return [
        (run["name"], run["status"], run["tags"].get("coldpress.status", ""))
        for run in reversed(runs)
    ]


def kill(stack: Stack, names: Sequence[str]) -> None:
    """SIGKILL every process of some servers; those that the worker started are its own."""
    victims = [
        process for name in names for process in processes.server_processes(stack.state, name)
    ]
    for process in victims:
        process.kill()
    psutil.wait_procs(victims, timeout=30)


@pytest.mark.parametrize("victims", [[WORKER], servers.NAMES], ids=["worker", "everything"])
def test_a_run_killed_in_a_stage_is_crashed_in_time_and_its_retry_resumes(
    stack: Stack, victims: list[str]
) -> None:
    name = f"killed-{len(victims)}"
    run_id = start_run(stack, recipe(name, seed=len(victims), prune=_SLOW_PRUNING))
    within(180, lambda: ("prune", "RUNNING", "") in stages(stack, run_id))
    assert len(processes.server_processes(stack.state, WORKER)) >= 2
    kill(stack, victims)
    killed = time.monotonic()
    assert stack.coldpress("status").code == 1
    result = stack.coldpress("up")
    assert result.code == 0, result.error
    started = ", ".join(servers.TITLES[server] for server in victims)
    assert result.output.splitlines()[0] == f"started: {started}", result.error
    assert state(stack, run_id)["type"] == "RUNNING"

    within(_LATEST, lambda: state(stack, run_id)["type"] == "CRASHED")
    seconds = time.monotonic() - killed
    print(f"Crashed {seconds:.0f} s after the kill of {name}")  # noqa: T201
    assert _SOONEST - 5 <= seconds <= _LATEST
    assert "Retry resumes" in state(stack, run_id)["message"]

    retry(stack, run_id)
    took = within(180, lambda: state(stack, run_id)["type"] in FINAL)
    print(f"Completed {took:.0f} s after Retry")  # noqa: T201
    assert state(stack, run_id)["type"] == "COMPLETED", state(stack, run_id)
    assert stages(stack, run_id) == [
        (name, "FINISHED", ""),
        ("train_teacher", "FINISHED", "ran"),
        ("generate_soft_targets", "FINISHED", "ran"),
        ("distill_student", "FINISHED", "ran"),
        ("prune", "KILLED", ""),
        ("train_teacher", "FINISHED", "reused"),
        ("generate_soft_targets", "FINISHED", "reused"),
        ("distill_student", "FINISHED", "reused"),
        ("prune", "FINISHED", "ran"),
        ("quantize", "FINISHED", "ran"),
        ("export_onnx", "FINISHED", "ran"),
        ("evaluate", "FINISHED", "ran"),
    ]
    assert {run["status"] for run in stack.runs_in_mlflow()} == {"FINISHED", "KILLED"}


def test_no_run_and_no_model_is_lost_when_all_is_killed_at_once(stack: Stack) -> None:
    """As when the power fails: nothing is asked to end."""
    run_id = start_run(stack, recipe("lasting"))
    within(180, lambda: state(stack, run_id)["type"] in FINAL)
    before = stack.runs_in_mlflow(), stack.versions(), stack.flow_runs()
    assert {"lasting", "lasting-teacher"} <= before[1].keys()
    kill(stack, servers.NAMES)
    began = time.monotonic()
    assert stack.coldpress("up").code == 0
    print(f"up after SIGKILL of everything took {time.monotonic() - began:.1f} s")  # noqa: T201
    assert (stack.runs_in_mlflow(), stack.versions(), stack.flow_runs()) == before
    again = start_run(stack, recipe("lasting"))
    within(180, lambda: state(stack, again)["type"] in FINAL)
    assert [how for _, _, how in stages(stack, again)] == ["", *["reused"] * 7]
    assert stack.versions() == before[1]


def test_a_run_of_a_deployment_checks_its_input_before_it_trains(stack: Stack) -> None:
    teacher = yaml.safe_load(RECIPE)["teacher"]
    wrong = {**teacher, "model": {**teacher["model"], "heads": 5}}
    run_id = start_run(stack, recipe("wrong", teacher=wrong))
    within(120, lambda: state(stack, run_id)["type"] in FINAL)
    final_state = state(stack, run_id)
    assert final_state["type"] == "FAILED"
    assert (
        "InputError: teacher.model.heads: 5 does not divide the hidden size 32"
        in final_state["message"]
    )
    assert stages(stack, run_id) == []
