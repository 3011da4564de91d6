"""Verdicts of the gate, in the pipeline runs that they belong to."""

from __future__ import annotations

from coldpress.gate.verdict import Verdict
from tasks.tracking import artifacts, runs

VERDICT_FILE = "gate.json"


def read_verdict(run_id: str) -> Verdict | None:
    """Read the verdict of a pipeline run.

    Args:
        run_id: The pipeline run's parent run in MLflow.

    Returns:
        None if the recipe has no gate, or the run ended before it.
    """
    if "coldpress.gate" not in runs.client().get_run(run_id).data.tags:
        return None
    return Verdict.model_validate_json(artifacts.load_run_text(run_id, VERDICT_FILE))
