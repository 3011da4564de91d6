"""Outcome of a run, loaded from the tracking store and printed as tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coldpress.evaluation.scorecard.scorecard import Evaluation
from coldpress.gate.verdict import Verdict
from coldpress.kinds import task_kind
from tasks.tracking import artifacts, history
from tasks.tracking.results import StageResult
from tasks.tracking.verdicts import read_verdict

_INTERNAL_FIELDS = {"run_id", "ancestors"}
_SCORE_COLUMNS = ("size", "p50 latency", "speedup", "retention")


def load_outcome(flow_run_id: str) -> dict[str, Any]:
    """Load the outcome of a run, finished or not.

    Args:
        flow_run_id: Prefect's id of the run.

    Returns:
        The part of the `--json` report that is in the tracking store.
    """
    found = history.runs_of_flow_run(flow_run_id)
    parent = history.pipeline_run_in(found)
    stages = history.stage_results_in(found)
    evaluation = _load_evaluation(stages[-1])
    placed = history.evaluations_in(found)
    verdict = read_verdict(parent.info.run_id) if parent else None
    return {
        "flow_run_id": flow_run_id,
        "mlflow": {
            "tracking_uri": os.environ["MLFLOW_TRACKING_URI"],
            "experiment_id": parent.info.experiment_id if parent else None,
            "parent_run_id": parent.info.run_id if parent else None,
        },
        "stages": [stage.model_dump(mode="json", exclude=_INTERNAL_FIELDS) for stage in stages],
        "evaluation": evaluation.model_dump(mode="json") if evaluation else None,
        "evaluations": _dump_evaluations(placed) if len(placed) > 1 else [],
        "gate": verdict.model_dump(mode="json") if verdict else None,
    }


def is_finished(flow_run_id: str) -> bool:
    """Whether MLflow has a run as finished, whatever its state in Prefect."""
    parent = history.parent_run(flow_run_id)
    return parent is not None and parent.info.status == "FINISHED"


def print_outcome(outcome: dict[str, Any], *, to_errors: bool = False) -> None:
    """Print the stages, the scores of their models and the gate's checks.

    Args:
        outcome: From `load_outcome`.
        to_errors: Print to standard error, as standard output receives the JSON.
    """
    console = Console(stderr=to_errors)
    stages = Table("stage", "status", "seconds", "registered", box=None)
    for stage in outcome["stages"]:
        registered = stage["registered"] or ""
        stages.add_row(stage["stage"], stage["status"], f"{stage['seconds']:.1f}", registered)
    console.print(stages)
    if outcome["evaluation"] is not None:
        from coldpress.report import limits

        console.print()
        evaluation = Evaluation.model_validate(outcome["evaluation"])
        console.print(_score_table(evaluation))
        for sentence in limits.timing_remarks(evaluation):
            console.print(escape(sentence))
    if outcome["gate"] is not None:
        console.print()
        console.print(_check_table(Verdict.model_validate(outcome["gate"])))
    sys.stdout.flush()


def _score_table(evaluation: Evaluation) -> Table:
    from coldpress.report import formats

    metric = task_kind(evaluation.kind).metrics[0].title
    table = Table(
        "model", metric, *_SCORE_COLUMNS, box=None, title=f"test split, n = {evaluation.n}"
    )
    for name, card in evaluation.models.items():
        latency = f"{card.latency_ms.p50:.2f} ms" if card.latency_ms else card.runtime
        speedup = formats.speedup(card)
        retention = f"{card.retention:.1%}" if card.retention is not None else ""
        size = "" if card.bytes is None else f"{card.bytes / 1e6:.2f} MB"
        table.add_row(name, f"{card.score:.3f}", size, latency, speedup, retention)
    return table


def _check_table(verdict: Verdict) -> Table:
    title = f"gate: {'passed' if verdict.passed else 'refused'}"
    table = Table("check", "verdict", "details", box=None, title=title)
    for check in verdict.checks:
        word = "passed" if check.passed else "[bold red]refused[/]"
        table.add_row(check.name, word, escape(check.sentence))
    return table


def _dump_evaluations(results: Sequence[StageResult]) -> list[dict[str, Any]]:
    """The evaluations on several processors, without those that did not finish."""
    distinct = {result.digest: result for result in results}.values()
    evaluations = [_load_evaluation(result) for result in distinct]
    return [e.model_dump(mode="json") for e in evaluations if e is not None]


def _load_evaluation(result: StageResult) -> Evaluation | None:
    if result.status not in {"ran", "reused"} or result.model_uri is None:
        return None
    with artifacts.open_checkpoint(result.model_uri) as checkpoint:
        return Evaluation.read(checkpoint.path)
