"""Load the runs of a sweep, and record their summary."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress.evaluation.scorecard.final_model import final_model_name
from coldpress.evaluation.scorecard.scorecard import Evaluation
from coldpress.search.summary import Setting, SweepRun
from tasks.execution import prefect_artifacts
from tasks.tracking import artifacts, history, runs, search_runs
from tasks.tracking.verdicts import read_verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.execution.pipeline_run import PipelineRun


def load_sweep_run(values: dict[str, Any], flow_run_id: str) -> SweepRun:
    """Load the final model's scores of a finished run.

    Args:
        values: Recipe values of the run.
        flow_run_id: Prefect's id.
    """
    members = history.runs_of_flow_run(flow_run_id)
    evaluated = history.stage_results_in(members)[-1]
    with artifacts.open_checkpoint(evaluated.model_uri or "") as checkpoint:
        evaluation = Evaluation.read(checkpoint.path)
    card = evaluation.models[final_model_name(evaluation)]
    parent = history.pipeline_run_in(members)
    verdict = None if parent is None else read_verdict(str(parent.info.run_id))
    return SweepRun(
        values=values,
        flow_run_id=flow_run_id,
        score=card.score,
        retention=card.retention,
        p50_ms=None if card.latency_ms is None else card.latency_ms.p50,
        bytes=card.bytes,
        gate=None if verdict is None else verdict.passed,
    )


@task(name="record-sweep", cache_policy=NO_CACHE)
def record_sweep(run: PipelineRun, members: list[SweepRun], settings: list[Setting]) -> None:
    """Store runs and summary in the sweep's run, and show the summary on the flow run's page."""
    for member in members:
        search_runs.link_flow_run(member.flow_run_id, run.run_id)
    runs.log_rows(run.run_id, [_run_row(member) for member in members], "runs.json")
    rows = summary_rows(settings)
    runs.log_rows(run.run_id, rows, "settings.json")
    prefect_artifacts.show_table(rows, "sweep", "Settings of the sweep")


def summary_rows(settings: Sequence[Setting]) -> list[dict[str, Any]]:
    """Return a row for each setting, with its comparison with the first one."""
    rows = []
    for setting in settings:
        numbers = {k: v for k, v in asdict(setting).items() if k not in ("values", "test")}
        test = setting.test
        compared = {
            "difference": None if test is None else test.difference,
            "low": None if test is None else test.low,
            "high": None if test is None else test.high,
            "p_value": None if test is None else test.p_value,
        }
        rows.append({**setting.values, **numbers, **compared})
    return rows


def _run_row(member: SweepRun) -> dict[str, Any]:
    numbers = {k: v for k, v in asdict(member).items() if k not in ("values", "flow_run_id")}
    return {**member.values, **numbers, "run": search_runs.trial_link(member.flow_run_id)}
