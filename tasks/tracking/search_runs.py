"""Runs of searches and their trials in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coldpress.errors import InputError
from coldpress.search.budget import Measures
from tasks.tracking import history, open_runs, runs, urls

PREFIX = "trial."
"""Of a trial's metrics."""


def link_to_search(run_id: str, search_run_id: str) -> None:
    """Show the run of a trial below that of its search."""
    runs.client().set_tag(run_id, "mlflow.parentRunId", search_run_id)


def link_flow_run(flow_run_id: str, search_run_id: str) -> None:
    """Show the run of a finished flow run below that of its sweep."""
    run = history.parent_run(flow_run_id)
    if run is not None:
        link_to_search(str(run.info.run_id), search_run_id)


def log_measures(run_id: str, measures: Mapping[str, float | None]) -> None:
    """Record the measurements of a trial.

    Args:
        run_id: The trial's run.
        measures: By name; a missing one is left out.
    """
    numbers = {PREFIX + name: value for name, value in measures.items() if value is not None}
    runs.log_metrics(run_id, numbers)


def read_measures(flow_run_id: str) -> Measures | None:
    """Read the measurements of a trial; None if its flow run did not get that far."""
    run = history.parent_run(flow_run_id)
    metrics = {} if run is None else run.data.metrics
    values = {n.removeprefix(PREFIX): v for n, v in metrics.items() if n.startswith(PREFIX)}
    return Measures(**values) if values else None


def count_stages(flow_run_ids: list[str]) -> dict[str, int]:
    """Count the stages of trials by status: `ran`, `reused`, `skipped` or `failed`."""
    counts = {"ran": 0, "reused": 0, "skipped": 0, "failed": 0}
    for flow_run_id in flow_run_ids:
        for stage in history.stage_results(flow_run_id):
            counts[stage.status] += 1
    return counts


def trial_link(flow_run_id: str) -> str:
    """Return the address of a trial's run in MLflow, or its id if MLflow serves no pages."""
    run = history.parent_run(flow_run_id)
    if run is None:
        return ""
    run_id, experiment_id = str(run.info.run_id), str(run.info.experiment_id)
    return urls.run_url(run_id, experiment_id) or run_id


def log_front(run_id: str, rows: list[dict[str, Any]], files: list[Path]) -> None:
    """Record the Pareto front of a search.

    Args:
        run_id: The search's run.
        rows: One for each model.
        files: Figure and page.
    """
    runs.log_rows(run_id, rows, "front.json")
    for file in files:
        runs.log_file(run_id, file)


def record_opening(run_id: str, test_digest: str) -> None:
    """Count a search among the evaluations that opened a test split.

    Args:
        run_id: The search's run.
        test_digest: Digest of the test split.
    """
    runs.set_tags(run_id, {"test_digest": test_digest, "status": "ran"})


def exported_model(flow_run_id: str) -> str:
    """Return the address of the file that a trial exported."""
    stages = history.stage_results(flow_run_id)
    return next(s.model_uri or "" for s in stages if s.stage == "export_onnx")


def claim_study(run_id: str, study: str) -> None:
    """Reserve a study for a search, since two searches would run the same trials.

    Args:
        run_id: The search's run.
        study: Name of the study.

    Raises:
        InputError: A search of this study is running.
    """
    runs.set_tags(run_id, {"study": study})
    running = history.find_runs(
        f"tags.`coldpress.study` = '{study}' AND attributes.status = 'RUNNING'"
    )
    others = [r for r in running if r.info.run_id != run_id and not open_runs.is_dead(r)]
    if others:
        owner = others[0].data.tags.get("coldpress.process", "")
        raise InputError(f"search: the same search is running already ({owner}); wait for its end")
