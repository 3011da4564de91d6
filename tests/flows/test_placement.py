"""Stages on other work pools: a real Prefect server, with a worker for each pool."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from coldpress.cpu import processor_name
from coldpress.errors import PlacedStageError
from coldpress.recipe.loading import load_recipe
from coldpress.schema.stages import STAGES
from flows import placement
from tasks.execution.pipeline_run import PipelineRun
from tasks.prune import prune
from tasks.tracking.results import StageResult
from tests.support import prefect_server
from tests.support.command import Coldpress, CommandResult, new_home
from tests.support.prefect_server import PrefectServer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("placement")]

POOLS = ("gpu", "arm", "foreign")
OTHER_PROCESSOR = "Neoverse-N1"
PRETEND = """
from pathlib import Path
from coldpress import cpu
cpu._CPUINFO = Path(__file__).with_name("cpuinfo")
"""
"""A `sitecustomize.py`, which every Python process of the worker of `arm` runs at its start."""
NO_WORKER = ("empty", "paused")
SLOW = "prune=[{method: neurons, keep_neurons: 0.5, recovery_epochs: 100}]"
WORKER = ("worker", "start", "--type", "process", "--install-policy", "never", "--pool")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server with five pools."""
    with prefect_server.running(tmp_path_factory.mktemp("server")) as running:
        for pool in (*POOLS, *NO_WORKER):
            running.answer("POST", "work_pools/", {"name": pool, "type": "process"})
        running.ask("PATCH", "work_pools/paused", {"is_paused": True}).raise_for_status()
        yield running


@pytest.fixture(scope="module")
def coldpress(
    server: PrefectServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Coldpress]:
    """A home whose registry the workers use too, except the worker of `foreign`.

    The worker of `arm` is on this machine, but its processes read another processor's name.
    """
    address = {"PREFECT_API_URL": server.environment["PREFECT_API_URL"]}
    command = new_home(tmp_path_factory.mktemp("placed"), servers=address)
    quick = {"PREFECT_WORKER_QUERY_SECONDS": "1", "OMP_NUM_THREADS": "1"}
    home = {**quick, "COLDPRESS_HOME": str(command.home / "state")}
    workers = {
        "gpu": home,
        "arm": {**home, **other_processor(command.home / "pretend")},
        "foreign": {**quick, "COLDPRESS_HOME": str(command.home / "elsewhere")},
    }
    with ExitStack() as stack:
        for pool, also in workers.items():
            stack.enter_context(server.process(*WORKER, pool, also=also))
        wait_for(lambda: all(online(server, pool) for pool in POOLS))
        yield command


def other_processor(folder: Path) -> dict[str, str]:
    """Variables of a process that takes this machine's processor for another one."""
    folder.mkdir()
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    (folder / "cpuinfo").write_text(info.replace(processor_name(), OTHER_PROCESSOR))
    (folder / "sitecustomize.py").write_text(PRETEND)
    path = (str(folder), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    return {"PYTHONPATH": os.pathsep.join(path)}


@pytest.fixture(scope="module")
def placed_run(coldpress: Coldpress) -> dict[str, Any]:
    """A run whose student is distilled on one pool, and whose models are evaluated on two."""
    path = coldpress.home / "placed.json"
    options = placed("distill_student=gpu", "evaluate=[gpu, arm]")
    with start(coldpress, "--json", str(path), *options) as run:
        _, error = run.communicate(timeout=600)  # three processes start one after another
    assert run.returncode == 0, error
    outcome: dict[str, Any] = json.loads(path.read_text())
    return outcome


def placed(*stages: str) -> list[str]:
    """Options that place stages."""
    return [word for stage in stages for word in ("--set", f"placement.{stage}")]


def online(server: PrefectServer, pool: str) -> bool:
    return bool(server.answer("GET", f"work_pools/{pool}")["status"] == "READY")


def wait_for(holds: Callable[[], object], seconds: float = 180) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it does not hold in time"
        time.sleep(0.5)


def flow_runs(server: PrefectServer, name: str) -> list[dict[str, Any]]:
    """The flow runs of this name, oldest first."""
    query = {"flow_runs": {"name": {"any_": [name]}}, "sort": "EXPECTED_START_TIME_ASC"}
    found: list[dict[str, Any]] = server.answer("POST", "flow_runs/filter", query)
    return found


def state_of(server: PrefectServer, name: str) -> str:
    """The state of the last flow run of this name."""
    runs = flow_runs(server, name)
    return str(runs[-1]["state_type"]) if runs else "NONE"


def one_line(result: CommandResult) -> str:
    """What the command says in its only line on standard error."""
    (line,) = result.error.splitlines()
    return line.removeprefix("coldpress: ")


def test_all_seven_stages_are_there_wherever_they_ran(
    server: PrefectServer, placed_run: dict[str, Any]
) -> None:
    assert [stage["stage"] for stage in placed_run["stages"]] == list(STAGES)
    assert [stage["status"] for stage in placed_run["stages"]] == ["ran"] * 7
    assert placed_run["stages"][2]["registered"] == "tiny-student/1"
    student, *_ = flow_runs(server, "tiny distill_student")
    assert (student["work_pool_name"], student["state_type"]) == ("gpu", "COMPLETED")
    assert student["parent_task_run_id"] is not None
    evaluations = flow_runs(server, "tiny evaluate")
    assert {run["work_pool_name"] for run in evaluations} == {"gpu", "arm"}
    assert flow_runs(server, "tiny prune") == []


def test_each_processor_has_a_scorecard_on_which_the_gate_must_hold(
    coldpress: Coldpress, placed_run: dict[str, Any]
) -> None:
    here, there = placed_run["evaluations"]
    assert here == placed_run["evaluation"]
    processors = [processor_name(), OTHER_PROCESSOR]
    assert [e["conditions"]["processor"] for e in (here, there)] == processors
    checks = ("max_drop", "max_class_drop", "min_speedup", "parity")
    gate = placed_run["gate"]
    assert gate["passed"]
    assert [(c["processor"], c["name"]) for c in gate["checks"]] == [
        (processor, name) for processor in processors for name in checks
    ]
    assert gate["checks"][-1]["sentence"].startswith(f"On {OTHER_PROCESSOR}: The file's logits")
    pulled = coldpress("pull", "tiny", str(coldpress.home / "served"))
    assert (pulled.code, pulled.error) == (0, "")
    card = coldpress("card", "tiny").output
    assert f"| {OTHER_PROCESSOR} |" in card


@pytest.mark.parametrize("stages", [(), ("train_teacher=arm", "evaluate=[gpu]")])
def test_where_a_stage_runs_is_not_in_its_cache_key(
    coldpress: Coldpress, placed_run: dict[str, Any], stages: tuple[str, ...]
) -> None:
    again = coldpress.run_tiny(*placed(*stages))
    assert [stage["status"] for stage in again["stages"]] == ["reused"] * 7
    assert [s["digest"] for s in again["stages"]] == [s["digest"] for s in placed_run["stages"]]


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        ("nowhere", "placement.prune: there is no work pool 'nowhere'; `prefect worker start "),
        ("paused", "placement.prune: the work pool 'paused' is paused; "),
        ("empty", "placement.prune: no worker of the work pool 'empty' is online; "),
    ],
)
def test_a_pool_that_cannot_run_the_stage_is_named_before_anything_is_trained(
    coldpress: Coldpress, server: PrefectServer, pool: str, message: str
) -> None:
    for command in ("run", "check"):
        options = (*placed(f"prune={pool}"), "--set", f"name=on-{pool}")
        words = (command, "./tiny.yaml", *options)
        result = coldpress.run_process(words, coldpress.environment)
        assert result.code == 2
        assert one_line(result).startswith(message)
    assert flow_runs(server, f"on-{pool}") == []


def test_without_a_server_there_are_no_pools(tmp_path: Path) -> None:
    outcome = tmp_path / "outcome.json"
    embedded = new_home(tmp_path / "embedded")
    words = ("run", "./tiny.yaml", "--json", str(outcome), *placed("prune=gpu"))
    result = embedded(*words)
    assert result.code == 2
    assert one_line(result).startswith(
        "placement: no Prefect server, whose workers could run prune"
    )
    assert not (embedded.home / "state" / "mlflow.db").exists()
    assert [s["status"] for s in json.loads(outcome.read_text())["stages"]] == ["skipped"] * 7


def test_an_input_error_on_a_worker_is_one_line_of_the_run(coldpress: Coldpress) -> None:
    result = coldpress("run", "./tiny.yaml", *placed("prune=foreign"), "--set", "name=strange")
    assert result.code == 2
    assert "MLFLOW_TRACKING_URI: on this worker it names another registry" in one_line(result)


def test_a_stage_that_is_cancelled_fails_the_run(
    coldpress: Coldpress, server: PrefectServer
) -> None:
    options = (*placed("prune=gpu"), "--set", "name=cancelled", "--set", SLOW)
    with start(coldpress, *options) as run:
        wait_for(lambda: state_of(server, "cancelled prune") == "RUNNING")
        (stage,) = flow_runs(server, "cancelled prune")
        cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        server.answer("POST", f"flow_runs/{stage['id']}/set_state", cancelling)
        _, error = run.communicate(timeout=120)
    assert run.returncode == 1
    assert error.splitlines()[-1] == "coldpress: prune: cancelled on the work pool 'gpu'"
    assert state_of(server, "cancelled") == "FAILED"


def test_a_pool_whose_workers_leave_during_the_run_fails_it(
    server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "_PATIENCE_SECONDS", 0.0)
    recipe = load_recipe("demo", ["placement.prune=empty", "name=left"])
    student = StageResult(stage="distill_student", status="ran")

    @flow
    def waiting() -> None:
        placement.place(prune, PipelineRun(recipe, "run", "experiment", {}), student, student)

    expected = "^prune: for 0 s, no worker of the work pool 'empty' is online"
    address = server.environment["PREFECT_API_URL"]
    with temporary_settings({PREFECT_API_URL: address}), pytest.raises(PlacedStageError) as raised:
        waiting()
    assert re.match(expected, str(raised.value))
    assert state_of(server, "left prune") == "CANCELLED"


def test_an_interrupted_run_cancels_its_stage(coldpress: Coldpress, server: PrefectServer) -> None:
    options = (*placed("prune=gpu"), "--set", "name=interrupted", "--set", SLOW)
    with start(coldpress, *options) as run:
        wait_for(lambda: state_of(server, "interrupted prune") == "RUNNING")
        run.terminate()
        run.communicate(timeout=120)
    assert run.returncode == 143
    wait_for(lambda: state_of(server, "interrupted prune") == "CANCELLED")


def test_a_killed_run_cancels_its_stage(coldpress: Coldpress, server: PrefectServer) -> None:
    """Nothing is left to cancel it, so it looks after the process of the run itself."""
    options = (*placed("prune=gpu"), "--set", "name=killed", "--set", SLOW)
    with start(coldpress, *options) as run:
        wait_for(lambda: state_of(server, "killed prune") == "RUNNING")
        run.kill()
        run.communicate(timeout=120)
    wait_for(lambda: state_of(server, "killed prune") == "CANCELLED")


def start(coldpress: Coldpress, *options: str) -> subprocess.Popen[str]:
    """Start a run of the tiny recipe."""
    return subprocess.Popen(
        coldpress.command("run", "./tiny.yaml", *options),
        cwd=coldpress.home,
        env=coldpress.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
