"""How a run went, read from the tracking store: as JSON for scripts and as a table for people."""

from __future__ import annotations

import os
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coldpress.evaluation.scorecard.scorecard import Evaluation
from coldpress.gate.verdict import Verdict
from tasks.gate import read_verdict
from tasks.tracking import artifacts, history
from tasks.tracking.results import StageResult

_INTERNAL_FIELDS = {"run_id", "ancestors"}
_SCORE_COLUMNS = ("accuracy", "size", "p50 latency", "speedup", "retention")


def load_outcome(flow_run_id: str) -> dict[str, Any]:
    """Read a run's outcome, as far as it came.

    Args:
        flow_run_id: Prefect's.

    Returns:
        The part of the `--json` contract that the tracking store knows.
    """
    chain = history.parent_run(flow_run_id)
    stages = history.stage_results(flow_run_id)
    evaluation = _load_evaluation(stages[-1])
    verdict = read_verdict(chain.info.run_id) if chain else None
    return {
        "flow_run_id": flow_run_id,
        "mlflow": {
            "tracking_uri": os.environ["MLFLOW_TRACKING_URI"],
            "experiment_id": chain.info.experiment_id if chain else None,
            "parent_run_id": chain.info.run_id if chain else None,
        },
        "stages": [stage.model_dump(mode="json", exclude=_INTERNAL_FIELDS) for stage in stages],
        "evaluation": evaluation.model_dump(mode="json") if evaluation else None,
        "gate": verdict.model_dump(mode="json") if verdict else None,
    }


def is_finished(flow_run_id: str) -> bool:
    """Whether all of a run was done, whatever Prefect was told of it."""
    chain = history.parent_run(flow_run_id)
    return chain is not None and chain.info.status == "FINISHED"


def print_outcome(outcome: dict[str, Any], *, to_errors: bool = False) -> None:
    """Print what each stage did, what its model came to and what the gate says of the last.

    Args:
        outcome: From `read`.
        to_errors: Print to standard error: something else is written to standard output.
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

    table = Table("model", *_SCORE_COLUMNS, box=None, title=f"test split, n = {evaluation.n}")
    for name, card in evaluation.models.items():
        latency = f"{card.latency_ms.p50:.2f} ms" if card.latency_ms else "simulated"
        speedup = formats.speedup(card)
        retention = f"{card.retention:.1%}" if card.retention is not None else ""
        size = f"{card.bytes / 1e6:.2f} MB"
        table.add_row(name, f"{card.accuracy:.3f}", size, latency, speedup, retention)
    return table


def _check_table(verdict: Verdict) -> Table:
    said = "passed" if verdict.passed else "refused"
    table = Table("check", "verdict", "in words", box=None, title=f"gate: {said}")
    for check in verdict.checks:
        word = "passed" if check.passed else "[bold red]refused[/]"
        table.add_row(check.name, word, escape(check.sentence))
    return table


def _load_evaluation(result: StageResult) -> Evaluation | None:
    if result.status not in {"ran", "reused"} or result.model_uri is None:
        return None
    with artifacts.open_checkpoint(result.model_uri) as checkpoint:
        return Evaluation.read(checkpoint.path)
