"""Copy runs and their models from one tracking store to another."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

from mlflow import MlflowClient
from mlflow.entities import (
    Experiment,
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Run,
    RunTag,
)
from mlflow.entities.model_registry import ModelVersion

from tasks.tracking import runs
from tasks.tracking.paging import all_pages

ORIGIN_TAG = "coldpress.brought_from"
_COMPLETE_TAG = "coldpress.brought_whole"
_ID_PATTERN = re.compile(r"m-[0-9a-f]{32}|\b[0-9a-f]{32}\b|\b[a-z0-9-]+/[0-9]+\b")


@dataclass(frozen=True)
class Migration:
    """A source and a target store, and the ids that objects of the source have in the target.

    Args:
        source: The embedded store, with its files on this disk.
        target: The tracking server of the environment.
        new_ids: Run ids, model ids and `name/version` of the source and their new values, filled
            during the migration.
    """

    source: MlflowClient
    target: MlflowClient
    new_ids: dict[str, str]

    def translate_ids(self, text: str) -> str:
        """Replace all ids of the source in a text."""
        return _ID_PATTERN.sub(lambda match: self.new_ids.get(match[0], match[0]), text)

    def has_files(self, version: ModelVersion) -> bool:
        """True unless a version's files were deleted by `gc`."""
        model = self.source.get_logged_model(str(version.source).removeprefix("models:/"))
        return _local_path(model.artifact_location).is_dir()


def copy_runs(migration: Migration) -> list[Run]:
    """Copy all runs that have ended, oldest first, and all complete models.

    Args:
        migration: Receives the new ids.

    Returns:
        The runs of the source that `finish_runs` must finish.
    """
    unfinished: list[Run] = []
    for experiment in all_pages(migration.source.search_experiments):
        all_runs = _search_runs(migration.source, experiment)
        models = _search_models(migration.source, experiment)
        ended = [run for run in all_runs if run.info.status != "RUNNING"]
        if not ended and not models:
            continue
        target = migration.target.get_experiment(runs.ensure_experiment(experiment.name))
        copies = {r.data.tags.get(ORIGIN_TAG): r for r in _search_runs(migration.target, target)}
        unfinished += [run for run in ended if _copy_run(migration, run, target, copies)]
        open_ids = {run.info.run_id for run in all_runs} - {run.info.run_id for run in ended}
        _copy_models(migration, [m for m in models if m.source_run_id not in open_ids], target)
    return unfinished


def _search_runs(client: MlflowClient, experiment: Experiment) -> list[Run]:
    order = ["attributes.start_time ASC"]
    return all_pages(client.search_runs, [experiment.experiment_id], order_by=order)


def _copy_run(
    migration: Migration, run: Run, target: Experiment, copies: Mapping[str | None, Run]
) -> bool:
    """Copy all of a run except references to other objects; idempotent.

    Returns:
        True if `finish_runs` must still finish the copy.
    """
    copy = copies.get(run.info.run_id) or migration.target.create_run(
        target.experiment_id,
        start_time=run.info.start_time,
        run_name=run.info.run_name,
        tags={ORIGIN_TAG: run.info.run_id},
    )
    run_id = str(copy.info.run_id)
    migration.new_ids[run.info.run_id] = run_id
    if _COMPLETE_TAG in copy.data.tags:
        return False
    runs.log_params(run_id, run.data.params)
    for name in run.data.metrics:
        points = migration.source.get_metric_history(run.info.run_id, name)
        for start in range(0, len(points), 1000):
            migration.target.log_batch(run_id, metrics=_plain_metrics(points[start : start + 1000]))
    if run.inputs and run.inputs.dataset_inputs:
        migration.target.log_inputs(run_id, datasets=run.inputs.dataset_inputs)
    if _local_path(run.info.artifact_uri).is_dir():
        migration.target.log_artifacts(run_id, str(_local_path(run.info.artifact_uri)))
    return True


def _plain_metrics(points: Sequence[Metric]) -> list[Metric]:
    """Return the finite points, without MLflow's links to models and datasets.

    MLflow stores infinity as the largest float.
    """
    return [
        Metric(point.key, point.value, point.timestamp, point.step)
        for point in points
        if abs(point.value) < sys.float_info.max
    ]


def _local_path(location: str) -> Path:
    return Path(unquote(urlparse(location).path))


def _copy_models(migration: Migration, models: Sequence[LoggedModel], target: Experiment) -> None:
    """Copy READY models; one whose run was deleted is copied without a source run."""
    copies = {m.tags.get(ORIGIN_TAG): m for m in _search_models(migration.target, target)}
    for model in reversed(models):
        if str(model.status) != "READY":
            continue
        copy = copies.get(model.model_id) or migration.target.create_logged_model(
            target.experiment_id,
            name=model.name,
            source_run_id=migration.new_ids.get(str(model.source_run_id)),
            tags={**model.tags, ORIGIN_TAG: model.model_id},
            model_type=model.model_type,
        )
        migration.new_ids[model.model_id] = copy.model_id
        if str(copy.status) != "READY":
            _finalize_model(migration, model, copy.model_id)


def _search_models(client: MlflowClient, experiment: Experiment) -> list[LoggedModel]:
    return all_pages(client.search_logged_models, [experiment.experiment_id])


def _finalize_model(migration: Migration, model: LoggedModel, new_id: str) -> None:
    """Upload a model's files, unless `gc` deleted them, and mark it READY last."""
    if _local_path(model.artifact_location).is_dir():
        migration.target.log_model_artifacts(new_id, str(_local_path(model.artifact_location)))
    migration.target.finalize_logged_model(new_id, "READY")


def finish_runs(migration: Migration, unfinished: Sequence[Run]) -> None:
    """Copy tags and lineage, which contain ids, once all new ids are known, and end the runs.

    Args:
        migration: Has the new ids.
        unfinished: From `copy_runs`.
    """
    for run in unfinished:
        run_id = migration.new_ids[run.info.run_id]
        _copy_lineage(migration, run.info.run_id, run_id)
        tags = [RunTag(key, migration.translate_ids(value)) for key, value in run.data.tags.items()]
        migration.target.log_batch(run_id, tags=tags)
        migration.target.set_terminated(run_id, run.info.status, run.info.end_time)
        migration.target.set_tag(run_id, _COMPLETE_TAG, "true")


def _copy_lineage(migration: Migration, old: str, new: str) -> None:
    """Copy the links to models, which a search omits, so the run is read again."""
    run = migration.source.get_run(old)
    new_ids = migration.new_ids
    input_ids = [m.model_id for m in run.inputs.model_inputs] if run.inputs else []
    output_ids = [m.model_id for m in run.outputs.model_outputs] if run.outputs else []
    inputs = [LoggedModelInput(new_ids[i]) for i in input_ids if i in new_ids]
    outputs = [LoggedModelOutput(new_ids[i], 0) for i in output_ids if i in new_ids]
    if inputs:
        migration.target.log_inputs(new, models=inputs)
    if outputs:
        migration.target.log_outputs(new, outputs)
