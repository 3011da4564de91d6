"""The gate at the end of `coldpress run`: its verdict, where it is kept, and the exit code."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from command import Coldpress

pytestmark = pytest.mark.xdist_group("pressed")


def judged(coldpress: Coldpress, code: int, *bounds: str) -> dict[str, Any]:
    """Run the tiny recipe with a gate, and return what the outcome says of it."""
    outcome = coldpress.home / "judged.json"
    words = [word for bound in bounds for word in ("--set", f"gate.{bound}")]
    done = coldpress("run", "./tiny.yaml", "--json", str(outcome), *words)
    assert done.code == code, done.error
    written = json.loads(outcome.read_text())
    found: dict[str, Any] = written["gate"]
    assert found["passed"] is (code == 0)
    shown = " ".join(done.output.split())
    assert all(check["name"] in shown for check in found["checks"])
    return {**found, "flow_run_id": written["flow_run_id"]}


def select(database: Path, query: str, *values: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(database) as reader:
        return list(reader.execute(query, values))


def version(coldpress: Coldpress) -> tuple[str, dict[str, str], list[tuple[Any, ...]]]:
    """Description, tags and aliases of the deployable model's first version."""
    store = coldpress.home / "state" / "mlflow.db"
    of_first = "WHERE name = 'tiny' AND version = 1"
    ((description,),) = select(store, f"SELECT description FROM model_versions {of_first}")
    tags = dict(select(store, f"SELECT key, value FROM model_version_tags {of_first}"))
    return (
        description,
        tags,
        select(store, f"SELECT alias FROM registered_model_aliases {of_first}"),
    )


def test_a_refused_model_is_kept_marked_and_ends_in_exit_code_1(
    coldpress: Coldpress, pressed: dict[str, Any]
) -> None:
    found = judged(coldpress, 1, "max_drop=1.0", "max_bytes=10", "max_champion_drop=0.0")
    assert {c["name"]: c["passed"] for c in found["checks"]} == {
        "max_drop": True,
        "max_champion_drop": True,
        "max_bytes": False,
        "parity": True,
    }
    description, tags, aliases = version(coldpress)
    (reason,) = [c["sentence"] for c in found["checks"] if not c["passed"]]
    assert (tags["gate"], tags["gate.reasons"]) == ("refused", reason)
    assert tags["gate.flow_run_id"] == found["flow_run_id"]
    assert description.startswith("Gate: **refused**")
    assert ("challenger",) not in aliases
    states = select(
        coldpress.home / "state" / "prefect" / "prefect.db",
        "SELECT name, type, message FROM flow_run_state ORDER BY timestamp DESC LIMIT 1",
    )
    assert states == [("Refused", "COMPLETED", reason)]


def test_a_model_that_passes_is_the_challenger_and_the_last_judgement_counts(
    coldpress: Coldpress, pressed: dict[str, Any]
) -> None:
    found = judged(coldpress, 0, "max_drop=1.0", "min_speedup=0.1", "max_class_drop=1.0")
    names = ["max_drop", "max_class_drop", "min_speedup", "parity"]
    assert [check["name"] for check in found["checks"]] == names
    description, tags, aliases = version(coldpress)
    assert (tags["gate"], tags["gate.reasons"]) == ("passed", "")
    assert description.startswith("Gate: **passed**")
    assert ("challenger",) in aliases
