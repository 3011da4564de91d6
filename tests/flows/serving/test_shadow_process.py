"""The real process of `coldpress serve --shadow`, its run in MLflow, and its ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from coldpress.data.splits import Split
from coldpress.model.checkpoint import Checkpoint
from coldpress.onnx.predictor import Predictor
from tasks.tracking import embedded_versions, runs
from tasks.tracking.deployable import find_version, open_deployable
from tasks.tracking.shadow_runs import describe_shadows
from tests.support import losing_server
from tests.support.exported_versions import export_version, set_champion
from tests.support.service import get, metrics, post, served

SECRET = "olive confidential"
SHADOW = ("trec@champion", "--shadow", "trec@challenger", "--share", "1")


@pytest.fixture
def digest(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint, other_checkpoint: Checkpoint
) -> str:
    """Champion trec/1 and challenger trec/2 with the same labels; the challenger's digest."""
    export_version(tmp_path, tiny_checkpoint, numbered=False)
    digest = export_version(tmp_path, other_checkpoint, numbered=False)
    set_champion(1)
    set_champion(2, alias="challenger")
    return digest


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def equal_labels(texts: tuple[str, ...]) -> int:
    answers = []
    for reference in ("trec/1", "trec/2"):
        with open_deployable(find_version(reference)) as checkpoint:
            answers.append([r["label"] for r in Predictor(checkpoint.path).predict(texts)])
    return sum(first == second for first, second in zip(*answers, strict=True))


def test_the_run_has_the_agreement_of_the_predictors_run_separately(
    digest: str, state: Path, tmp_path: Path, split: Split
) -> None:
    with served(tmp_path, *SHADOW) as (process, address):
        wait_for(lambda: get(address, "/ready")["shadow"]["model"] == "trec/2")
        for text in (*split.texts, SECRET):
            assert post(address, [text])["model"] == "trec/1"
        wait_for(lambda: 'shadow_requests_total{model="trec/2"} 13.0' in metrics(address))
        libraries = Path(f"/proc/{process.pid}/maps").read_text()
        assert "torch" not in libraries
        assert "pandas" not in libraries  # which MLflow imports
        end(process)
    equal = equal_labels((*split.texts, SECRET))
    assert equal == 9
    wait_for(lambda: bool(describe_shadows("trec", "2", digest)))
    (line,) = describe_shadows("trec", "2", digest)
    assert line.startswith(
        f"trec/2 in the shadow of trec/1: agreement {equal / 13:.4g}, 13 texts, p50 "
    )
    run = runs.client().get_run(line.rpartition(" ")[2].rstrip(")"))
    assert run.info.status == "FINISHED"  # an open run would block `coldpress gc`
    assert run.data.metrics["agreement"] == equal / 13
    assert run.data.metrics["dropped"] == run.data.metrics["failed"] == 0
    assert run.data.metrics["challenger_p99_ms"] > 0
    assert describe_shadows("trec", "1", digest) == []
    files = [path for path in state.rglob("*") if path.is_file()]
    assert not [path for path in files if b"confidential" in path.read_bytes()]
    assert "confidential" not in (tmp_path / "log").read_text()


def test_a_challenger_that_cannot_be_loaded_is_reported_and_the_champion_answers(
    digest: str, tmp_path: Path
) -> None:
    version = embedded_versions.find_version("trec/2")
    assert version is not None
    model = next(version.directory.rglob("model.onnx"))
    model.write_bytes(model.read_bytes() + b" ")
    with served(tmp_path, *SHADOW) as (process, address):
        wait_for(lambda: get(address, "/ready")["shadow"]["problem"] is not None)
        assert post(address, ["cold"])["model"] == "trec/1"
        ready = get(address, "/ready")
        assert (ready["model"], ready["problem"]) == ("trec/1", None)
        problem = "trec/2: its files are missing or were changed"
        assert ready["shadow"]["problem"].startswith(problem)
        assert get(address, "/model")["shadow"]["problem"].startswith(problem)
        assert "coldpress_shadow_problem 1.0" in metrics(address)
        export = model.read_bytes()[:-1]
        model.write_bytes(export)
        set_champion(1, alias="challenger")  # a version that is intact
        wait_for(lambda: get(address, "/ready")["shadow"] == {"model": "trec/1", "problem": None})
        end(process)


def test_a_challenger_that_does_not_exist_yet_is_followed_when_it_does(
    digest: str, tmp_path: Path
) -> None:
    runs.client().delete_registered_model_alias("trec", "challenger")
    with served(tmp_path, *SHADOW) as (process, address):
        wait_for(lambda: get(address, "/ready")["shadow"]["problem"] is not None)
        post(address, ["cold"])
        set_champion(2, alias="challenger")
        wait_for(lambda: get(address, "/ready")["shadow"]["model"] == "trec/2")
        end(process)
    assert describe_shadows("trec", "2", digest) == []  # no request since then


def test_a_server_gets_the_run_by_requests(
    digest: str, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with losing_server.running(state) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
        with served(tmp_path, *SHADOW) as (process, address):
            wait_for(lambda: get(address, "/ready")["shadow"]["model"] == "trec/2")
            post(address, ["cold"])
            wait_for(lambda: bool(describe_shadows("trec", "2", digest)))
            post(address, ["olive"])
            wait_for(lambda: 'shadow_requests_total{model="trec/2"} 2.0' in metrics(address))
            end(process)
        wait_for(lambda: ", 2 texts, " in describe_shadows("trec", "2", digest)[0])
        assert len(describe_shadows("trec", "2", digest)) == 1


@pytest.mark.parametrize("arguments", [("--share", "0.5"), ("--shadow", "trec@challenger")])
def test_options_that_do_not_fit_a_folder_end_with_one_line(
    tmp_path: Path, arguments: tuple[str, str]
) -> None:
    (tmp_path / "model.onnx").touch()
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "serve", str(tmp_path), *arguments],
        env={**os.environ, "COLDPRESS_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"coldpress: {arguments[0]}: ")
