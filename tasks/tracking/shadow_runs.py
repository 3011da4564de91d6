"""Runs that compare a champion with a challenger: written in a process of their own, and read.

`python -m tasks.tracking.shadow_runs` writes one to an embedded registry for the service, which
does not import MLflow. It reads a record as JSON and prints the id of the run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from mlflow.entities import Run

from tasks.tracking import experiments, runs
from tasks.tracking.paging import all_pages
from tasks.tracking.shadow_record import (
    CHALLENGER_TAG,
    CHAMPION_TAG,
    DIGEST_TAG,
    RUN_NAME,
    ShadowRecord,
)

_MOST_SHOWN = 3


def write_shadow(record: ShadowRecord, run_id: str | None) -> str:
    """Write a comparison to its run, and finish it: see `server_runs.write_shadow`.

    Args:
        record: The comparison.
        run_id: Of an earlier write of the same comparison; None at the first one.

    Returns:
        The run's id.
    """
    if run_id is None:
        tags = {k.removeprefix("coldpress."): v for k, v in record.tags().items()}
        run_id = runs.open_run(runs.ensure_experiment(record.model), RUN_NAME, tags)
    runs.log_metrics(run_id, record.metrics)
    runs.client().set_terminated(run_id)
    return run_id


def describe_shadows(model: str, version: str, digest: str | None) -> list[str]:
    """Describe how a version answered as a challenger.

    Args:
        model: Registered name.
        version: Its number.
        digest: Of the version's files: a number can be registered again.

    Returns:
        A sentence for each of the latest runs, the newest first; none if it never was one.
    """
    mlflow = runs.client()
    experiment = experiments.find_experiment(mlflow, model)
    if experiment is None or digest is None:
        return []
    condition = (
        f"tags.`{CHALLENGER_TAG}` = '{model}/{version}' AND tags.`{DIGEST_TAG}` = '{digest}'"
    )
    order = ["attributes.end_time DESC"]
    latest = all_pages(mlflow.search_runs, [experiment.experiment_id], condition, order_by=order)
    compared = [run for run in latest if run.data.metrics]  # others were created just now
    return [_describe(run) for run in compared[:_MOST_SHOWN]]


def _describe(run: Run) -> str:
    metrics: Mapping[str, float] = run.data.metrics
    agreement = metrics.get("agreement")
    parts = [
        "agreement is undefined yet" if agreement is None else f"agreement {agreement:.4g}",
        f"{metrics.get('texts', 0):.0f} texts",
        *(_latency(metrics, percentile) for percentile in ("p50", "p99")),
        *(f"{metrics[k]:.0f} requests {k}" for k in ("failed", "dropped") if metrics.get(k)),
    ]
    tags = run.data.tags
    listed = ", ".join(part for part in parts if part)
    return (
        f"{tags[CHALLENGER_TAG]} in the shadow of {tags[CHAMPION_TAG]}: {listed}"
        f" (run {run.info.run_id})"
    )


def _latency(metrics: Mapping[str, float], percentile: str) -> str:
    names = [f"{role}_{percentile}_ms" for role in ("challenger", "champion")]
    if not all(name in metrics for name in names):
        return ""
    challenger, champion = (metrics[name] for name in names)
    return f"{percentile} {challenger:.3g} ms and {champion:.3g} ms of the champion"


def _main() -> None:
    content = json.load(sys.stdin)
    run_id = write_shadow(ShadowRecord(**content["record"]), content["run_id"])
    sys.stdout.write(f"{run_id}\n")


if __name__ == "__main__":
    _main()
