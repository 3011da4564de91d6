"""Load the report and card of a version from the run that last evaluated it."""

from __future__ import annotations

from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from coldpress.errors import InputError
from tasks.tracking import artifacts, history, runs
from tasks.tracking.versions import equals_filter

REPORT = "report.html"
CARD = "card.md"
REPORT_DIGEST_TAG = "report_digest"
REPORT_TAG = "report"
"""Tag of a pipeline run, set after both files are stored: the version that they describe."""


def find_document(version: ModelVersion, file: str) -> str | None:
    """Read a report or card from the latest run that evaluated a version.

    Args:
        version: A registered version.
        file: `REPORT` or `CARD`.

    Returns:
        The text, or None if no run has written one.
    """
    run = find_evaluation_run(version)
    if run is None:
        return None
    try:
        return artifacts.load_run_text(run.info.run_id, file)
    except (MlflowException, OSError):
        existing = runs.client().list_artifacts(run.info.run_id)
        if file in {artifact.path for artifact in existing}:
            raise
        return None  # the file was deleted


def find_evaluation_run(version: ModelVersion) -> Run | None:
    """Find the latest pipeline run that evaluated a version and wrote its report.

    Args:
        version: A registered version.

    Returns:
        The pipeline run, or None if there is none.
    """
    reference = f"{version.name}/{version.version}"
    tag = f"coldpress.{REPORT_TAG}"
    for run in reversed(history.find_runs(equals_filter(f"tags.`{tag}`", reference))):
        if run.data.tags[tag] == reference and _is_evaluation_of(run, version):
            return run
    return _find_source_run(version)


def _find_source_run(version: ModelVersion) -> Run | None:
    """Return the run that made a renamed model: its report still has the old name."""
    if version.tags.get("stage") != "export_onnx" or "flow_run_id" not in version.tags:
        return None
    run = history.parent_run(version.tags["flow_run_id"])
    reference = "" if run is None else run.data.tags.get(f"coldpress.{REPORT_TAG}", "")
    renamed = reference != "" and reference.partition("/")[0] != version.name
    return run if run is not None and renamed and _is_evaluation_of(run, version) else None


def _is_evaluation_of(run: Run, version: ModelVersion) -> bool:
    """True if a run evaluated this version, and not a deleted one that had the same number.

    Runs of older versions of Coldpress record only the number; their stages record digests.
    """
    tags = run.data.tags
    digest = version.tags.get("digest")
    if f"coldpress.{REPORT_DIGEST_TAG}" in tags:
        return tags[f"coldpress.{REPORT_DIGEST_TAG}"] == digest
    flow_run_id = tags.get("coldpress.flow_run_id")
    results = history.stage_results(flow_run_id) if flow_run_id else []
    digests = {d for result in results for d in (result.digest, *result.parents)}
    return not digests or digest in digests


def no_file_note(version: ModelVersion) -> str:
    """Explain a checkpoint that is the final model of a run, as the end of a sentence.

    Args:
        version: A version without an ONNX file.

    Returns:
        Empty if it is an earlier model of its run.
    """
    is_final = find_evaluation_run(version) is not None
    return "; its recipe has export: null" if is_final else ""


def load_document(version: ModelVersion, file: str) -> str:
    """Read a report or card from the latest run that evaluated a version.

    Args:
        version: A registered version.
        file: `REPORT` or `CARD`.

    Returns:
        The text.

    Raises:
        InputError: No run evaluated this version.
    """
    text = find_document(version, file)
    if text is None:
        stage = version.tags.get("stage", "another stage")
        raise InputError(
            f"model: {version.name}/{version.version}, of {stage}, has no {file}: "
            "a run writes it after evaluating its deployable model, "
            "and it is deleted with that run in MLflow"
        )
    return text
