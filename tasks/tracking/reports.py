"""Reports and cards of registered versions, read back from the run that last judged them."""

from __future__ import annotations

from mlflow.artifacts import load_text
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from coldpress.errors import InputError
from tasks.tracking import history
from tasks.tracking import runs as tracking
from tasks.tracking.versions import equals_filter

REPORT, CARD = "report.html", "card.md"
REPORT_DIGEST_TAG = "report_digest"
REPORT_TAG = "report"
"""On a chain's run, set when both files are there: which version they are of."""


def find_document(version: ModelVersion, file: str) -> str | None:
    """Read what the latest run that judged a version wrote of it.

    Args:
        version: A registered version.
        file: `REPORT` or `CARD`.

    Returns:
        The text, or None where no run came so far.
    """
    run = find_evaluation_run(version)
    if run is None:
        return None
    try:
        return str(load_text(f"runs:/{run.info.run_id}/{file}"))
    except (MlflowException, OSError):
        listed = tracking.client().list_artifacts(run.info.run_id)
        if file in {artifact.path for artifact in listed}:
            raise
        return None  # somebody deleted it


def find_evaluation_run(version: ModelVersion) -> Run | None:
    """Find the latest chain that judged a version and wrote its report.

    Args:
        version: A registered version.

    Returns:
        The chain's run, or None where none came so far.
    """
    named, tag = f"{version.name}/{version.version}", f"coldpress.{REPORT_TAG}"
    found = history.search_runs(equals_filter(f"tags.`{tag}`", named))
    runs = (run for run in reversed(found) if run.data.tags[tag] == named)
    return next((run for run in runs if _is_evaluation_of(run, version)), None) or _find_source_run(
        version
    )


def _find_source_run(version: ModelVersion) -> Run | None:
    """The run that made a model, whose report has the name that the model had then."""
    if version.tags.get("stage") != "export_onnx" or "flow_run_id" not in version.tags:
        return None
    run = history.parent_run(version.tags["flow_run_id"])
    named = "" if run is None else run.data.tags.get(f"coldpress.{REPORT_TAG}", "")
    renamed = named != "" and named.partition("/")[0] != version.name
    return run if run is not None and renamed and _is_evaluation_of(run, version) else None


def _is_evaluation_of(run: Run, version: ModelVersion) -> bool:
    """Whether a run judged this very version: an earlier one may have had its number.

    Runs of older versions name the number alone; their stages name digests.
    """
    tags, digest = run.data.tags, version.tags.get("digest")
    if f"coldpress.{REPORT_DIGEST_TAG}" in tags:
        return tags[f"coldpress.{REPORT_DIGEST_TAG}"] == digest
    flow_run_id = tags.get("coldpress.flow_run_id")
    results = history.stage_results(flow_run_id) if flow_run_id else []
    made = {known for result in results for known in (result.digest, *result.parents)}
    return not made or digest in made


def load_document(version: ModelVersion, file: str) -> str:
    """Read what the latest run that judged a version wrote of it.

    Args:
        version: A registered version.
        file: `REPORT` or `CARD`.

    Returns:
        The text.

    Raises:
        InputError: No run judged this version.
    """
    text = find_document(version, file)
    if text is None:
        stage = version.tags.get("stage", "another stage")
        raise InputError(
            f"model: {version.name}/{version.version}, of {stage}, has no {file}: "
            "a run writes it when it has judged its deployable model, "
            "and it goes when that run is deleted in MLflow"
        )
    return text
