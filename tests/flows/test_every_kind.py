"""Each task kind, by real processes: kill, resume, reuse, promote, serve, roll back, drift."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from faults.malformed_requests import post
from faults.service import ask as ask_service
from faults.service import serving

from coldpress.schema.stages import STAGES
from tests.support import reevaluate
from tests.support.command import Coldpress
from tests.support.json_lines import write_jsonl
from tests.support.killed_run import end_in
from tests.support.served_model import ask, served
from tests.support.tiny_kinds import (
    KINDS,
    TinyKind,
    foreign_rows,
    kind_home,
    similar_rows,
)

MODELS = ("tiny", "tiny-quantized", "tiny-pruned", "tiny-student", "tiny-teacher")


def statuses(outcome: dict[str, Any]) -> list[str]:
    return [stage["status"] for stage in outcome["stages"]]


def digests(outcome: dict[str, Any]) -> list[str]:
    return [stage["digest"] for stage in outcome["stages"]]


IN_EACH_BUILD = ("sentence-embedding", "token-classification")
"""Kinds that differ most; the others, two minutes each, are marked slow."""


def marks(kind: TinyKind) -> list[pytest.MarkDecorator]:
    group = pytest.mark.xdist_group(f"every-kind-{kind.name}")
    return [group] if kind.name in IN_EACH_BUILD else [group, pytest.mark.slow]


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=kind.name, marks=marks(kind)) for kind in KINDS]
)
def test_a_kind_passes_the_whole_chain_with_real_processes(
    tmp_path: Path, shared_server: Mapping[str, str], kind: TinyKind
) -> None:
    coldpress = kind_home(tmp_path / "home", kind.name, shared_server)
    other = kind_home(tmp_path / "other", kind.name, shared_server)
    with ThreadPoolExecutor(1) as pool:
        uninterrupted = pool.submit(other.run_tiny)
        first = resume_after_a_kill(coldpress, kind)
        # Of an evaluation, the timings differ.
        assert digests(first)[:6] == digests(uninterrupted.result())[:6]
        # Meanwhile, another run makes a second version in the same home.
        second = pool.submit(coldpress.run_tiny, "--set", "export.opset=18")
        reuse_every_stage(coldpress, first)
        assert statuses(second.result()) == ["reused"] * 5 + ["ran"] * 2
        assert_lineage(coldpress, digests(first))
        promote_and_roll_back(coldpress)
        drift = pool.submit(detect_drift, coldpress, kind)
        serve_the_champion(coldpress, kind)
        drift.result()


def resume_after_a_kill(coldpress: Coldpress, kind: TinyKind) -> dict[str, Any]:
    """Kill a run in a stage, run again, and return the outcome."""
    assert end_in(coldpress, kind.killed_in, signal.SIGKILL) == -signal.SIGKILL
    outcome = coldpress.run_tiny()
    before = STAGES.index(kind.killed_in)
    assert statuses(outcome) == ["reused"] * before + ["ran"] * (7 - before)
    assert outcome["gate"]["passed"]
    return outcome


def reuse_every_stage(coldpress: Coldpress, first: dict[str, Any]) -> None:
    path = coldpress.home / "again.json"
    result = coldpress("run", "./tiny.yaml", "--json", str(path))
    assert result.code == 0, result.error
    again = json.loads(path.read_text())
    assert statuses(again) == ["reused"] * 7
    assert digests(again) == digests(first)
    assert [s["registered"] for s in again["stages"]] == [s["registered"] for s in first["stages"]]


def assert_lineage(coldpress: Coldpress, expected: list[str]) -> None:
    """The path from the first version to the dataset has the digests of the stages."""
    result = coldpress("lineage", "tiny/1", "--json")
    assert result.code == 0, result.error
    node = json.loads(result.output)
    path = []
    while node["parents"]:
        path.append((node["name"], node["digest"]))
        node = node["parents"][0]
    teacher, _soft_targets, student, pruned, quantized, onnx, _evaluation = expected
    stages = (onnx, quantized, pruned, student, teacher)
    assert path == [(f"{m}/1", d) for m, d in zip(MODELS, stages, strict=True)]
    assert node["stage"] == "dataset"


def promote_and_roll_back(coldpress: Coldpress) -> None:
    """Promote both versions, and roll back to the first."""
    commands = [("promote", "tiny/1"), ("promote", "tiny/2"), ("rollback", "tiny")]
    results = [coldpress(*words, "--reason", "a test of this kind") for words in commands]
    assert [result.error for result in results] == [""] * 3
    assert [result.output.partition(" (")[0] for result in results] == [
        "tiny/1 is the champion",
        "tiny/2 is the champion, tiny/1 is previous",
        "tiny/1 is the champion, tiny/2 is previous",
    ]


def serve_the_champion(coldpress: Coldpress, kind: TinyKind) -> None:
    """MLflow's server and `coldpress serve` answer as the command does."""
    pair = ("--pair", kind.row["text_pair"]) if "text_pair" in kind.row else ()
    words = ("predict", "tiny@champion", kind.row["text"], *pair)
    predicted = coldpress.run_process(words, coldpress.environment)
    assert predicted.code == 0, predicted.error
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{coldpress.home / 'state' / 'mlflow.db'}"}
    environment = {**coldpress.environment, **store}
    with served("models:/tiny@champion", coldpress.home / "server", environment) as address:
        status, answer = ask(address, {"dataframe_records": [dict(kind.row)]})
    assert (status, answer) == (200, {"predictions": [json.loads(predicted.output)]})
    assert answer["predictions"][0].keys() == kind.answer
    body = json.dumps({name: [value] for name, value in kind.row.items()}).encode()
    with serving("tiny@champion", coldpress.environment, coldpress.home / "service.log") as service:
        response = ask_service(service.port, post(body))
    assert json.loads(response.body)["predictions"] == answer["predictions"]


def detect_drift(coldpress: Coldpress, kind: TinyKind) -> None:
    """Rows like those of the test split are healthy, rows of other words are not."""
    similar = coldpress.home / "labelled.jsonl"
    foreign = coldpress.home / "foreign.jsonl"
    write_jsonl(similar, similar_rows(coldpress, kind.name))
    write_jsonl(foreign, foreign_rows(coldpress))
    result = subprocess.run(
        [sys.executable, reevaluate.__file__, "tiny", str(similar), str(foreign)],
        cwd=coldpress.home,
        env=coldpress.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == ["Healthy", "Drifted"]
