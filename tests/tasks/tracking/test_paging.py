"""No search stops at its first page; rows are inserted with SQL, since MLflow is slow."""

from __future__ import annotations

import ast
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tasks.promotion import watch
from tasks.tracking import history, runs
from tasks.tracking.paging import IDS_PER_SEARCH, all_pages, batch_ids
from tests.support.registered_models import version

ROOT = Path(__file__).parents[3]
FOLDERS = ("benchmarks", "deployments", "flows", "tasks")
# Methods of MLflow's and Prefect's clients that return one page of results.
PAGED = {
    *("search_experiments", "search_runs", "search_registered_models", "search_model_versions"),
    *("search_logged_models", "search_traces", "get_latest_versions"),
    *("read_flows", "read_flow_runs", "read_task_runs", "read_deployments", "read_work_pools"),
    *("read_work_queues", "read_workers_for_work_pool", "read_artifacts", "read_automations"),
    *("read_variables", "read_concurrency_limits", "read_global_concurrency_limits"),
}


def calls(path: Path) -> list[str]:
    """Find direct calls of a paged method, unless they request a single result."""
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in PAGED
        and "max_results=1)" not in ast.unparse(node)
    ]


def test_every_search_goes_through_all_pages() -> None:
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 100
    assert [call for path in files for call in calls(path)] == []


def experiments(state: Path, count: int) -> None:
    """Add experiments that are newer than the existing ones."""
    with closing(sqlite3.connect(state / "mlflow.db")) as database, database:
        database.executemany(
            "INSERT INTO experiments (name, artifact_location, lifecycle_stage, creation_time,"
            " last_update_time) VALUES (?, ?, 'active', 9e15, 9e15)",
            [(f"customer-{number}", state.as_uri()) for number in range(count)],
        )


def models(state: Path, names: list[str]) -> None:
    with closing(sqlite3.connect(state / "mlflow.db")) as database, database:
        database.executemany(
            "INSERT INTO registered_models (name) VALUES (?)", [(name,) for name in names]
        )


def test_runs_are_found_beside_more_than_a_thousand_experiments(state: Path) -> None:
    run_id = runs.open_run(runs.ensure_experiment("trec"), "trec", {"flow_run_id": "f"})
    experiments(state, 1001)
    later = runs.open_run(runs.ensure_experiment("customer-1000"), "trec", {"flow_run_id": "f"})
    client = runs.client()
    assert "trec" not in {
        experiment.name for experiment in client.search_experiments()
    }  # the first page
    assert [run.info.run_id for run in history.runs_of_flow_run("f")] == [run_id, later]


def test_results_come_page_by_page_in_their_order(state: Path) -> None:
    models(state, [f"m-{number:03}" for number in range(205)])
    search = runs.client().search_registered_models
    names = [f"m-{number:03}" for number in range(205)]
    assert [model.name for model in all_pages(search)] == names
    assert [model.name for model in all_pages(search, max_results=50)] == names
    assert [model.name for model in all_pages(search, limit=120)] == names[:120]


def test_a_champion_beside_more_than_a_hundred_models_is_watched(
    state: Path, tmp_path: Path
) -> None:
    version(tmp_path)
    runs.client().set_registered_model_alias("trec", "champion", "1")
    models(state, [f"a-{number}" for number in range(1001)])
    assert watch.list_watched_models() == ["trec"]


@pytest.mark.parametrize("count", [0, 1, IDS_PER_SEARCH, IDS_PER_SEARCH + 1])
def test_batches_of_ids_are_small_and_complete(count: int) -> None:
    ids = [str(number) for number in range(count)]
    batches = list(batch_ids(ids))
    assert [experiment_id for batch in batches for experiment_id in batch] == ids
    assert all(0 < len(batch) <= IDS_PER_SEARCH for batch in batches)
