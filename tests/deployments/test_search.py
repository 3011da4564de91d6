"""A search and a sweep whose runs are on a work pool, with a real worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.command import RECIPE, Coldpress, new_home
from tests.support.prefect_server import PrefectServer

WORKER = ("worker", "start", "--pool", "coldpress", "--type", "process", "--limit", "2")
SPACE = """
search:
  prune.0.keep_neurons: [0.25, 0.5]
"""
BUDGET = ("--budget", "p95_ms=1000", "--budget", "retention=1%")


def flow_runs(server: PrefectServer, flow: str) -> list[dict[str, Any]]:
    """Names of states, by flow."""
    query = {"flows": {"name": {"any_": [flow]}}}
    runs: list[dict[str, Any]] = server.answer("POST", "flow_runs/filter", query)
    return runs


def home_with_server(server: PrefectServer, path: Path) -> Coldpress:
    addresses = {"PREFECT_API_URL": server.environment["PREFECT_API_URL"]}
    return new_home(path, RECIPE + SPACE, addresses)


def test_trials_and_runs_are_flow_runs_of_deployments(
    server: PrefectServer, tmp_path: Path
) -> None:
    coldpress = home_with_server(server, tmp_path)
    trials, runs = len(flow_runs(server, "trial")), len(flow_runs(server, "compress"))
    also = {
        "COLDPRESS_HOME": coldpress.environment["COLDPRESS_HOME"],
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "OMP_NUM_THREADS": "1",
    }
    with server.process(*WORKER, also=also):
        result = coldpress("search", "./tiny.yaml", "--trials", "2", "--json", "s.json", *BUDGET)
        assert result.code == 0, result.error
        over = ("--over", "seed=0..1", "--json", "w.json")
        result = coldpress("sweep", "./tiny.yaml", *over)
        assert result.code == 0, result.error
    outcome = json.loads((tmp_path / "s.json").read_text())
    assert outcome["search"]["finished"] == 2
    # The worker also takes runs of this name that other tests have scheduled.
    assert outcome["stages"][5]["registered"].startswith("tiny/")
    new = flow_runs(server, "trial")
    assert len(new) == trials + 2
    assert all(run["deployment_id"] for run in new)
    (setting,) = json.loads((tmp_path / "w.json").read_text())["sweep"]["settings"]
    assert setting["runs"] == 2
    assert len(flow_runs(server, "compress")) == runs + 3
