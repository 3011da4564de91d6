"""Copy runs, and the models that they made, from one tracking store to another."""

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

from tasks.tracking import runs as tracking
from tasks.tracking.paging import all_pages

ORIGIN_TAG = "coldpress.brought_from"
_COMPLETE_TAG = "coldpress.brought_whole"
_ID_PATTERN = re.compile(r"m-[0-9a-f]{32}|\b[0-9a-f]{32}\b|\b[a-z0-9-]+/[0-9]+\b")


@dataclass(frozen=True)
class Migration:
    """Two stores, and what things of the first are called in the second.

    Args:
        source: Its files are on this disk.
        target: The one that `tracking.client` names.
        names: Run ids, model ids and `name/version`, old to new; it grows.
    """

    source: MlflowClient
    target: MlflowClient
    names: dict[str, str]

    def renamed(self, text: str) -> str:
        """Return a text with every old name in it replaced."""
        return _ID_PATTERN.sub(lambda found: self.names.get(found[0], found[0]), text)

    def has_files(self, version: ModelVersion) -> bool:
        """Whether a version's files have not been collected."""
        model = self.source.get_logged_model(str(version.source).removeprefix("models:/"))
        return _local_path(model.artifact_location).is_dir()


def copy_runs(copying: Migration) -> list[Run]:
    """Copy all runs that have ended, oldest first, and the models that are whole.

    Args:
        copying: Learns their new names.

    Returns:
        The runs of the source that `complete` has to end.
    """
    left: list[Run] = []
    for experiment in all_pages(copying.source.search_experiments):
        runs, models = (
            _search_runs(copying.source, experiment),
            _search_models(copying.source, experiment),
        )
        ended = [run for run in runs if run.info.status != "RUNNING"]
        if not ended and not models:
            continue
        there = copying.target.get_experiment(tracking.ensure_experiment(experiment.name))
        known = {r.data.tags.get(ORIGIN_TAG): r for r in _search_runs(copying.target, there)}
        left += [run for run in ended if _copy_run(copying, run, there, known)]
        going = {run.info.run_id for run in runs} - {run.info.run_id for run in ended}
        _copy_models(copying, [m for m in models if m.source_run_id not in going], there)
    return left


def _search_runs(client: MlflowClient, experiment: Experiment) -> list[Run]:
    order = ["attributes.start_time ASC"]
    return all_pages(client.search_runs, [experiment.experiment_id], order_by=order)


def _copy_run(
    copying: Migration, run: Run, there: Experiment, known: Mapping[str | None, Run]
) -> bool:
    """All of a run but what names other things. Done twice it is the same."""
    made = known.get(run.info.run_id) or copying.target.create_run(
        there.experiment_id,
        start_time=run.info.start_time,
        run_name=run.info.run_name,
        tags={ORIGIN_TAG: run.info.run_id},
    )
    copying.names[run.info.run_id] = run_id = str(made.info.run_id)
    if _COMPLETE_TAG in made.data.tags:
        return False
    tracking.log_params(run_id, run.data.params)
    for name in run.data.metrics:
        points = copying.source.get_metric_history(run.info.run_id, name)
        for start in range(0, len(points), 1000):
            copying.target.log_batch(run_id, metrics=_plain_metrics(points[start : start + 1000]))
    if run.inputs and run.inputs.dataset_inputs:
        copying.target.log_inputs(run_id, datasets=run.inputs.dataset_inputs)
    if _local_path(run.info.artifact_uri).is_dir():
        copying.target.log_artifacts(run_id, str(_local_path(run.info.artifact_uri)))
    return True


def _plain_metrics(points: Sequence[Metric]) -> list[Metric]:
    """Without what else MLflow remembers of them, and without numbers that were not finite.

    MLflow keeps an infinity as the largest number there is.
    """
    return [
        Metric(point.key, point.value, point.timestamp, point.step)
        for point in points
        if abs(point.value) < sys.float_info.max
    ]


def _local_path(location: str) -> Path:
    return Path(unquote(urlparse(location).path))


def _copy_models(copying: Migration, models: Sequence[LoggedModel], there: Experiment) -> None:
    """The run of some may have been deleted: they come over without."""
    known = {m.tags.get(ORIGIN_TAG): m for m in _search_models(copying.target, there)}
    for model in reversed(models):
        if str(model.status) != "READY":
            continue
        made = known.get(model.model_id) or copying.target.create_logged_model(
            there.experiment_id,
            name=model.name,
            source_run_id=copying.names.get(str(model.source_run_id)),
            tags={**model.tags, ORIGIN_TAG: model.model_id},
            model_type=model.model_type,
        )
        copying.names[model.model_id] = made.model_id
        if str(made.status) != "READY":
            _finalize_model(copying, model, made.model_id)


def _search_models(client: MlflowClient, experiment: Experiment) -> list[LoggedModel]:
    return all_pages(client.search_logged_models, [experiment.experiment_id])


def _finalize_model(copying: Migration, model: LoggedModel, made: str) -> None:
    """Ready is said last; the files of one that were collected cannot come over."""
    if _local_path(model.artifact_location).is_dir():
        copying.target.log_model_artifacts(made, str(_local_path(model.artifact_location)))
    copying.target.finalize_logged_model(made, "READY")


def finish_runs(copying: Migration, runs: Sequence[Run]) -> None:
    """Write what names other things, when all of their new names are known, and end the runs.

    Args:
        copying: Knows the names.
        runs: From `copy`.
    """
    for run in runs:
        run_id = copying.names[run.info.run_id]
        _copy_lineage(copying, run.info.run_id, run_id)
        tags = [RunTag(key, copying.renamed(value)) for key, value in run.data.tags.items()]
        copying.target.log_batch(run_id, tags=tags)
        copying.target.set_terminated(run_id, run.info.status, run.info.end_time)
        copying.target.set_tag(run_id, _COMPLETE_TAG, "true")


def _copy_lineage(copying: Migration, old: str, new: str) -> None:
    """Read one by one: a search leaves the models out."""
    run = copying.source.get_run(old)
    went_in = [m.model_id for m in run.inputs.model_inputs] if run.inputs else []
    came_out = [m.model_id for m in run.outputs.model_outputs] if run.outputs else []
    given = [LoggedModelInput(copying.names[m]) for m in went_in if m in copying.names]
    made = [LoggedModelOutput(copying.names[m], 0) for m in came_out if m in copying.names]
    if given:
        copying.target.log_inputs(new, models=given)
    if made:
        copying.target.log_outputs(new, made)
