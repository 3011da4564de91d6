"""Open, tag and close MLflow runs, and log what they record."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LifecycleStage,
    LoggedModelInput,
    Metric,
    Param,
    RunTag,
)
from mlflow.exceptions import MlflowException

from coldpress.schema.finite import check_all_finite
from tasks.environment import credentials, heartbeat, home, processes
from tasks.environment.deferred_signals import defer_during_calls
from tasks.tracking import artifact_roots, deduplicate, embedded_db, error_messages, experiments
from tasks.tracking.results import StageResult
from tasks.tracking.retry import retry_on_conflict

if TYPE_CHECKING:
    from coldpress.benchmark.loading import Benchmark
    from coldpress.recipe.recipe import Recipe


def client() -> MlflowClient:
    """Return a client of the tracking server configured by the environment.

    Raises:
        InputError: Access was denied, or an embedded database cannot be used.
    """
    home.configure_environment()
    uri = os.environ["MLFLOW_TRACKING_URI"]
    credentials.check_mlflow(uri)
    if uri == home.database_uri(home.database_path()):
        embedded_db.ensure_schema(home.database_path())
        return defer_during_calls(MlflowClient())
    return MlflowClient()


def ensure_experiment(name: str) -> str:
    """Return the id of a recipe's experiment, created on first use.

    Args:
        name: The recipe's name.

    Returns:
        The experiment's id.

    Raises:
        InputError: The experiment was deleted, or its files are outside this home.
    """
    existing = experiments.find_experiment(client(), name)
    if existing is not None:
        artifact_roots.require_inside_home(str(existing.artifact_location))
        experiments.tag_kind(client(), existing)
        return str(existing.experiment_id)
    try:
        return str(client().create_experiment(name, home.artifact_location(name), experiments.KIND))
    except MlflowException:
        existing = experiments.find_experiment(client(), name)
        if existing is None:
            raise
        return str(existing.experiment_id)  # another process has just created it


@contextmanager
def managed_run(run_id: str) -> Iterator[None]:
    """Send heartbeats for a run while a block executes, and close the run when the block ends.

    Args:
        run_id: An open run.

    Raises:
        InputError: MLflow rejected a call, for example because the run was deleted.
    """
    send = partial(client().set_tag, run_id, f"coldpress.{heartbeat.TAG}")
    with error_messages.translate_mlflow_errors():
        try:
            with heartbeat.send_heartbeats(lambda: send(_timestamp())):
                yield
        except BaseException as error:
            set_tags(run_id, {"error": f"{type(error).__name__}: {error}"[:5000]})
            close_run(run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise
        client().set_terminated(run_id, "FINISHED")


def open_run(
    experiment_id: str,
    name: str,
    tags: Mapping[str, str],
    parent: str | None = None,
    description: str | None = None,
) -> str:
    """Open a run, tagged with the process that owns it.

    Args:
        experiment_id: The experiment of the run.
        name: Shown in the UI.
        tags: Without the `coldpress.` prefix.
        parent: Id of the pipeline run that a stage run belongs to.
        description: Markdown shown on the run's page.

    Returns:
        The run's id.
    """
    mlflow = client()
    idempotency_key = uuid4().hex
    owner = {
        "coldpress.process": processes.current_process_identity(),
        f"coldpress.{heartbeat.TAG}": _timestamp(),
        deduplicate.IDEMPOTENCY_TAG: idempotency_key,
    }
    nested = {"mlflow.parentRunId": parent} if parent else {}
    all_tags = {**_add_prefix(tags), **owner, **nested, **_description_tag(description)}
    run_id = str(mlflow.create_run(experiment_id, run_name=name, tags=all_tags).info.run_id)
    deduplicate.delete_duplicate_runs(mlflow, experiment_id, idempotency_key, run_id)
    return run_id


def _timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def reopen_run(run_id: str) -> None:
    """Reopen a run for a retry after the first attempt closed it."""
    client().update_run(run_id, status="RUNNING")


def is_deleted(run_id: str) -> bool:
    """True if a run is in MLflow's trash."""
    return str(client().get_run(run_id).info.lifecycle_stage) == LifecycleStage.DELETED


def set_tags(run_id: str, tags: Mapping[str, str], description: str | None = None) -> None:
    """Set tags on a run, adding the prefix `coldpress.`, and its description, in one call."""
    all_tags = {**_add_prefix(tags), **_description_tag(description)}
    client().log_batch(run_id, tags=[RunTag(k, v) for k, v in all_tags.items()])


def _description_tag(text: str | None) -> dict[str, str]:
    """The tag that MLflow shows as Markdown on a run's page."""
    return {} if text is None else {"mlflow.note.content": text}


def _add_prefix(tags: Mapping[str, str]) -> dict[str, str]:
    return {f"coldpress.{name}": value for name, value in tags.items()}


def close_run(run_id: str, status: str = "KILLED") -> None:
    """End an unfinished run, and delete the models that it did not complete.

    Args:
        run_id: An open run.
        status: `FAILED` or `KILLED`.
    """
    mlflow = client()
    deduplicate.delete_incomplete_models(mlflow, mlflow.get_run(run_id).info.experiment_id, run_id)
    mlflow.set_terminated(run_id, status)


def log_params(run_id: str, params: Mapping[str, object]) -> None:
    """Record flat parameters; MLflow allows 100 per call and 6000 characters each."""
    flat = [Param(k, str(v)[:6000]) for k, v in params.items()]
    for start in range(0, len(flat), 100):
        client().log_batch(run_id, params=flat[start : start + 100])


def log_metrics(
    run_id: str, metrics: Mapping[str, float], tags: Mapping[str, str] | None = None
) -> None:
    """Record metrics and then tags, in one call.

    Args:
        run_id: The run.
        metrics: Finite numbers: MLflow stores NaN as 0 and infinity as 1.8e308.
        tags: Without the `coldpress.` prefix.
    """
    check_all_finite(metrics)
    now = int(time.time() * 1000)
    client().log_batch(
        run_id,
        metrics=[Metric(k, float(v), now, 0) for k, v in metrics.items()],
        tags=[RunTag(k, v) for k, v in _add_prefix(tags or {}).items()],
    )


def log_benchmark(run_id: str, recipe: Recipe, benchmark: Benchmark) -> None:
    """Record the dataset as an input of a run, with the digest of its rows."""
    source = recipe.benchmark.source.model_dump_json()
    data = Dataset(recipe.name, benchmark.digest[:36], recipe.benchmark.source.origin, source)
    context = [InputTag("mlflow.data.context", "training"), InputTag("digest", benchmark.digest)]
    # The database rejects the second of two runs that record one dataset at the same time.
    retry_on_conflict(lambda: client().log_inputs(run_id, datasets=[DatasetInput(data, context)]))


def log_lineage(run_id: str, inputs: Sequence[StageResult], output: str | None) -> None:
    """Link a run to its input and output models, so that MLflow shows the lineage.

    Args:
        run_id: The stage's run.
        inputs: Results whose models the stage read.
        output: URI of the stage's output.
    """
    input_ids = dict.fromkeys(_model_id(result.model_uri) for result in inputs)
    if any(input_ids):
        client().log_inputs(run_id, models=[LoggedModelInput(i) for i in input_ids if i])
    output_id = _model_id(output)
    if output_id:
        deduplicate.link_output(client(), run_id, output_id)


def _model_id(uri: str | None) -> str | None:
    return uri.removeprefix("models:/") if uri and uri.startswith("models:/") else None


def write_result(run_id: str, result: StageResult, tags: Mapping[str, str] | None = None) -> None:
    """Write the result that later runs, other machines and `--json` read, with its metrics.

    This is the last write before a stage's run is closed: a run without a result counts as failed.
    """
    status = {"status": result.status, "digest": result.digest or ""}
    metrics = {**result.metrics, "seconds": result.seconds}
    log_metrics(run_id, metrics, {**(tags or {}), **status, "result": result.model_dump_json()})


def log_file(run_id: str, path: Path, folder: str | None = None) -> None:
    """Store a file in a run's artifacts."""
    client().log_artifact(run_id, str(path), folder)


def log_rows(run_id: str, rows: Sequence[Mapping[str, object]], name: str) -> None:
    """Store rows as a table that the UI displays."""
    columns = {key: [row[key] for row in rows] for key in (rows[0] if rows else ())}
    client().log_table(run_id, columns, name)
