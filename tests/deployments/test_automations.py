"""deployments/automations.yaml: what marks a run Crashed must spare all that are not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from prefect.events.schemas.automations import AutomationCore

ROOT = Path(__file__).parents[2]
AUTOMATIONS: list[dict[str, Any]] = yaml.safe_load(
    (ROOT / "deployments/automations.yaml").read_text()
)["automations"]
(CRASHED,) = (entry for entry in AUTOMATIONS if entry["name"] == "coldpress-crashed-runs")
(PENDING,) = (entry for entry in AUTOMATIONS if entry["name"] == "coldpress-pending-runs")
DEPLOYMENTS = yaml.safe_load((ROOT / "deployments/prefect.yaml").read_text())["deployments"]
# How a flow here names the state that it ends in, where it does.
NAMED_STATE = re.compile(r"(?:Completed|Failed|Cancelled|Crashed)\(name=\"(\w+)\"")


def missing(definition: object, read: object, at: str = "") -> list[str]:
    """What stands in the file, and not in what Prefect read of it."""
    if isinstance(definition, dict) and isinstance(read, dict):
        absent = [f"{at}.{name}" for name in definition if name not in read]
        present = [name for name in definition if name in read]
        return absent + [m for n in present for m in missing(definition[n], read[n], f"{at}.{n}")]
    if isinstance(definition, list) and isinstance(read, list) and len(definition) == len(read):
        pairs = zip(definition, read, strict=True)
        return [m for place, (w, r) in enumerate(pairs) for m in missing(w, r, f"{at}.{place}")]
    return []


def test_prefect_reads_every_field_of_the_automations() -> None:
    for automation in AUTOMATIONS:
        read = AutomationCore.model_validate(automation).model_dump(mode="json")
        assert missing(automation, read) == []
        slip = {**automation, "trigger": {**automation["trigger"], "wihtin": 3}}
        read = AutomationCore.model_validate(slip).model_dump(mode="json")
        assert missing(slip, read) == [".trigger.wihtin"]


def test_the_automation_waits_for_three_heartbeats_of_its_runs() -> None:
    for deployment in DEPLOYMENTS:
        beat = deployment["work_pool"]["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]
        assert CRASHED["trigger"]["within"] == 3 * int(beat)
    tag = CRASHED["trigger"]["match_related"]["prefect.resource.id"]
    assert all(tag == f"prefect.tag.{deployment['tags'][0]}" for deployment in DEPLOYMENTS)


def test_every_state_that_a_flow_ends_in_by_name_counts_as_an_end() -> None:
    """Prefect's events are named after a state's name: a Completed one may be called Refused."""
    code = [p.read_text() for folder in ("flows", "tasks") for p in (ROOT / folder).rglob("*.py")]
    names = {name for text in code for name in NAMED_STATE.findall(text)}
    assert "Refused" in names
    expected = set(CRASHED["trigger"]["expect"])
    assert {f"prefect.flow-run.{name}" for name in names} <= expected


def test_a_pending_run_has_as_long_as_a_pod_may_take() -> None:
    pool = json.loads((ROOT / "deployments/work-pools/kubernetes.json").read_text())
    longest = pool["variables"]["properties"]["pod_watch_timeout_seconds"]["default"]
    assert PENDING["trigger"]["within"] > longest
    assert PENDING["trigger"]["after"] == ["prefect.flow-run.Pending"]
    assert "prefect.flow-run.Running" in PENDING["trigger"]["expect"]
