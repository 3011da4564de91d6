"""The gate at the end of `coldpress run`: its verdict, where it is kept, and the exit code."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Coldpress

pytestmark = pytest.mark.xdist_group("tiny-run")


def select(database: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    with sqlite3.connect(database) as reader:
        return list(reader.execute(query, values))


def version(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> tuple[str, dict[str, str], list[tuple[Any, ...]]]:
    """Description, tags and aliases of the deployable version that an outcome names."""
    store = coldpress.home / "state" / "mlflow.db"
    reference = outcome["stages"][5]["registered"].split("/")
    of_it = "WHERE name = ? AND version = ?"
    ((description,),) = select(store, f"SELECT description FROM model_versions {of_it}", *reference)
    tags = dict(select(store, f"SELECT key, value FROM model_version_tags {of_it}", *reference))
    aliases = select(store, f"SELECT alias FROM registered_model_aliases {of_it}", *reference)
    return description, tags, aliases


def test_a_model_that_passes_is_the_challenger(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    checks = tiny_run["gate"]["checks"]
    assert tiny_run["gate"]["passed"]
    names = ["max_drop", "max_class_drop", "min_speedup", "parity"]
    assert [check["name"] for check in checks if check["passed"]] == names
    description, tags, aliases = version(coldpress, tiny_run)
    assert (tags["gate"], tags["gate.reasons"]) == ("passed", "")
    assert description.startswith("Gate: **passed**")
    assert ("challenger",) in aliases


def test_a_refused_model_is_kept_marked_and_ends_in_exit_code_1(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    path = coldpress.home / "refused.json"
    changes = ("export.opset=18", "gate={max_drop: 1.0, max_champion_drop: 0.0, max_bytes: 10}")
    words = [word for change in changes for word in ("--set", change)]
    result = coldpress("run", "./tiny.yaml", "--json", str(path), *words)
    assert result.code == 1, result.error
    outcome = json.loads(path.read_text())
    assert {check["name"]: check["passed"] for check in outcome["gate"]["checks"]} == {
        "max_drop": True,
        "max_champion_drop": True,
        "max_bytes": False,
        "parity": True,
    }
    assert not outcome["gate"]["passed"]
    (reason,) = [c["sentence"] for c in outcome["gate"]["checks"] if not c["passed"]]
    assert "gate: refused" in result.output
    assert reason.split(",")[0] in " ".join(result.output.split())
    description, tags, aliases = version(coldpress, outcome)
    assert (tags["gate"], tags["gate.reasons"]) == ("refused", reason)
    assert tags["gate.flow_run_id"] == outcome["flow_run_id"]
    assert description.startswith("Gate: **refused**")
    assert ("challenger",) not in aliases
    only_this = {"flow_runs": {"id": {"any_": [outcome["flow_run_id"]]}}}
    (state,) = [run["state"] for run in coldpress.ask_prefect("flow_runs/filter", only_this)]
    assert (state["name"], state["type"], state["message"]) == ("Refused", "COMPLETED", reason)
