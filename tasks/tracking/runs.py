"""The only place that writes MLflow runs and models."""

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
    from coldpress.data.benchmark import Benchmark
    from coldpress.recipe.recipe import Recipe
    from coldpress.training.loop import Epoch


def client() -> MlflowClient:
    """Return a client of the tracking server that the environment names.

    Raises:
        InputError: The server does not let this process in, or an embedded database cannot be used.
    """
    home.configure_environment()
    where = os.environ["MLFLOW_TRACKING_URI"]
    credentials.check_mlflow(where)
    if where == home.database_uri(home.database_path()):
        embedded_db.ensure_schema(home.database_path())
        return defer_during_calls(MlflowClient())
    return MlflowClient()


def ensure_experiment(name: str) -> str:
    """Return the id of a recipe's experiment, made on first use.

    Args:
        name: The recipe's name.

    Returns:
        The experiment's id.

    Raises:
        InputError: Somebody has deleted it, or its files are not in this home.
    """
    found = experiments.find_experiment(client(), name)
    if found is not None:
        artifact_roots.require_inside_home(str(found.artifact_location))
        return str(found.experiment_id)
    try:
        return str(client().create_experiment(name, home.artifact_location(name)))
    except MlflowException:
        found = experiments.find_experiment(client(), name)
        if found is None:
            raise
        return str(found.experiment_id)  # another run was first


@contextmanager
def managed_run(run_id: str) -> Iterator[None]:
    """Let a run give signs of life, and close it when the block ends, however it ends.

    Args:
        run_id: An open run.

    Raises:
        InputError: MLflow refused something: the run was deleted, say.
    """
    beat = partial(client().set_tag, run_id, f"coldpress.{heartbeat.TAG}")
    with error_messages.translate_mlflow_errors():
        try:
            with heartbeat.send_heartbeats(lambda: beat(_timestamp())):
                yield
        except BaseException as error:
            set_tags(run_id, {"error": f"{type(error).__name__}: {error}"[:5000]})
            close_run(run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise
        client().set_terminated(run_id, "FINISHED")


def open_run(
    experiment_id: str, name: str, tags: Mapping[str, str], parent: str | None = None
) -> str:
    """Start a run that says which process owns it.

    Args:
        experiment_id: Where it belongs.
        name: What the UI shows.
        tags: Without the `coldpress.` prefix.
        parent: Run id of the chain that a stage belongs to.

    Returns:
        The run's id.
    """
    mlflow, opening = client(), uuid4().hex
    owned = {
        "coldpress.process": processes.current_process_identity(),
        f"coldpress.{heartbeat.TAG}": _timestamp(),
        deduplicate.IDEMPOTENCY_TAG: opening,
    }
    nested = {"mlflow.parentRunId": parent} if parent else {}
    every = {**_add_prefix(tags), **owned, **nested}
    run_id = str(mlflow.create_run(experiment_id, run_name=name, tags=every).info.run_id)
    deduplicate.delete_duplicate_runs(mlflow, experiment_id, opening, run_id)
    return run_id


def _timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def reopen_run(run_id: str) -> None:
    """Let a retry go on with the run that its first try closed."""
    client().update_run(run_id, status="RUNNING")


def set_tags(run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags, without their `coldpress.` prefix, on a run in one call."""
    client().log_batch(run_id, tags=[RunTag(k, v) for k, v in _add_prefix(tags).items()])


def set_description(run_id: str, text: str) -> None:
    """Set the description of a run, which its page shows as Markdown."""
    client().set_tag(run_id, "mlflow.note.content", text)


def _add_prefix(tags: Mapping[str, str]) -> dict[str, str]:
    return {f"coldpress.{name}": value for name, value in tags.items()}


def close_run(run_id: str, status: str = "KILLED") -> None:
    """End a run that did not finish, and drop the models that it did not complete.

    Args:
        run_id: An open run.
        status: `FAILED` or `KILLED`.
    """
    mlflow = client()
    deduplicate.delete_incomplete_models(mlflow, mlflow.get_run(run_id).info.experiment_id, run_id)
    mlflow.set_terminated(run_id, status)


def log_params(run_id: str, params: Mapping[str, object]) -> None:
    """Record flat parameters; MLflow takes 100 a call and 6000 characters each."""
    flat = [Param(k, str(v)[:6000]) for k, v in params.items()]
    for start in range(0, len(flat), 100):
        client().log_batch(run_id, params=flat[start : start + 100])


def log_metrics(run_id: str, metrics: Mapping[str, float]) -> None:
    """Record final numbers; MLflow would take a NaN for 0 and infinity for 1.8e308."""
    check_all_finite(metrics)
    now = int(time.time() * 1000)
    client().log_batch(run_id, metrics=[Metric(k, float(v), now, 0) for k, v in metrics.items()])


def log_curve(run_id: str, name: str, values: Sequence[float]) -> None:
    """Record one number an epoch, counted from 1."""
    check_all_finite(values, name)
    now = int(time.time() * 1000)
    points = [Metric(name, float(value), now, i) for i, value in enumerate(values, 1)]
    for start in range(0, len(points), 1000):
        client().log_batch(run_id, metrics=points[start : start + 1000])


def log_epochs(run_id: str, epochs: Sequence[Epoch], prefix: str = "") -> None:
    """Record a training curve: loss, validation accuracy and seconds of each epoch."""
    log_curve(run_id, f"{prefix}epoch_loss", [e.loss for e in epochs])
    log_curve(run_id, f"{prefix}epoch_accuracy", [e.validation_accuracy for e in epochs])
    log_curve(run_id, f"{prefix}epoch_seconds", [e.seconds for e in epochs])


def log_benchmark(run_id: str, recipe: Recipe, benchmark: Benchmark) -> None:
    """Record the dataset as an input of a run, with the digest that names its rows."""
    source = recipe.benchmark.source.model_dump_json()
    data = Dataset(recipe.name, benchmark.digest[:36], recipe.benchmark.source.origin, source)
    context = [InputTag("mlflow.data.context", "training"), InputTag("digest", benchmark.digest)]
    # Two runs that write one dataset at the same time: the database refuses the second.
    retry_on_conflict(lambda: client().log_inputs(run_id, datasets=[DatasetInput(data, context)]))


def log_lineage(run_id: str, inputs: Sequence[StageResult], output: str | None) -> None:
    """Link models to a run, so that MLflow draws what came from what.

    Args:
        run_id: The stage's run.
        inputs: Results whose models went in.
        output: URI of what came out.
    """
    into = dict.fromkeys(_model_id(result.model_uri) for result in inputs)
    if any(into):
        client().log_inputs(run_id, models=[LoggedModelInput(i) for i in into if i])
    made = _model_id(output)
    if made:
        deduplicate.link_output(client(), run_id, made)


def _model_id(uri: str | None) -> str | None:
    return uri.removeprefix("models:/") if uri and uri.startswith("models:/") else None


def write_result(run_id: str, result: StageResult) -> None:
    """Write the record that the next run, another machine and `--json` read.

    This is the last write of a stage before its run is closed: a run without it made nothing.
    """
    plain = {"status": result.status, "digest": result.digest or ""}
    set_tags(run_id, {**plain, "result": result.model_dump_json()})


def log_file(run_id: str, path: Path, folder: str | None = None) -> None:
    """Keep a file with a run."""
    client().log_artifact(run_id, str(path), folder)


def log_rows(run_id: str, rows: Sequence[Mapping[str, object]], name: str) -> None:
    """Keep a table that the UI shows as one."""
    columns = {key: [row[key] for row in rows] for key in (rows[0] if rows else ())}
    client().log_table(run_id, columns, name)
