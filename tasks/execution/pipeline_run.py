"""A pipeline run: one execution of a recipe, with a parent run in MLflow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from prefect import get_run_logger, runtime

from coldpress.errors import InputError
from coldpress.kinds.samples import sample_noun
from tasks.environment import home, processes
from tasks.execution import cache_key, data, flow_run_page, log_filters, work_pools
from tasks.execution.requester import flow_run_id
from tasks.tracking import experiments, history, open_runs, runs, urls

if TYPE_CHECKING:
    from coldpress.recipe.recipe import Recipe


@dataclass(frozen=True)
class PipelineRun:
    """One run of a recipe, as plain data: its tasks may run in other processes and machines.

    Attributes:
        recipe: The recipe that is run.
        run_id: The parent run in MLflow.
        experiment_id: The recipe's experiment.
        tags: Tags of every MLflow run and model version of this pipeline run.
        stage_tags: Further tags of the MLflow run of a stage on a work pool.
    """

    recipe: Recipe
    run_id: str
    experiment_id: str
    tags: dict[str, str]
    stage_tags: dict[str, str] = field(default_factory=dict)


def recipe_digest(recipe: Recipe) -> str:
    """Return the sha256 of a recipe, independent of the order of its keys."""
    return hashlib.sha256(cache_key.canonical_json(recipe).encode()).hexdigest()


@contextmanager
def pipeline_run(recipe: Recipe) -> Iterator[PipelineRun]:
    """Open the parent run, or reopen it in a retry, and close it at the end.

    Args:
        recipe: The recipe that is run.

    Yields:
        The open run.
    """
    log_filters.hide_input_tracebacks()
    with _report_failure(), _close_interrupted_runs():
        _check_recipe(recipe)
        experiment_id = runs.ensure_experiment(recipe.name)
        closed = open_runs.close_dead_runs(experiment_id)
        if closed:
            owners = ", ".join(closed)
            get_run_logger().warning("Closed the MLflow runs of %s, which was killed", owners)
        run_id = _reopen_parent_run() or _open_parent_run(recipe, experiment_id)
        _link_both_ways(run_id, experiment_id)
        with runs.managed_run(run_id), open_runs.close_silent_runs(experiment_id):
            yield PipelineRun(recipe, run_id, experiment_id, _run_tags(recipe))


def _check_recipe(recipe: Recipe) -> None:
    """Check the input of a deployment; `coldpress run` has done so before it starts the flow."""
    if runtime.deployment.id:
        from coldpress.recipe.preflight import run_preflight

        work_pools.check_work_pools(recipe)
        checked = run_preflight(recipe, home.home_directory())
        data.keep_benchmark(recipe, checked.data, checked.unlabelled)
        experiments.check_names_available(runs.client(), recipe.name)


@contextmanager
def _report_failure() -> Iterator[None]:
    """Show a failure on the flow run's page, after all MLflow runs are closed."""
    try:
        yield
    except Exception as error:
        stages = history.stage_results(flow_run_id())
        failed = next((stage for stage in stages if stage.status == "failed"), None)
        flow_run_page.show_failure(error, failed)
        raise


@contextmanager
def _close_interrupted_runs() -> Iterator[None]:
    """Close a run that was interrupted between its creation and the block that closes it."""
    try:
        yield
    except BaseException:
        for run in history.runs_of_flow_run(flow_run_id()):
            if run.info.status == "RUNNING":
                runs.close_run(run.info.run_id)
        raise


def check_not_deleted(run: PipelineRun) -> None:
    """Check that the parent run still exists; MLflow would accept stage runs of a deleted one.

    Args:
        run: The pipeline run of the current task.

    Raises:
        InputError: The parent run was deleted in MLflow.
    """
    if runs.is_deleted(run.run_id):
        raise InputError(
            f"name: the run of {run.recipe.name} was deleted in MLflow while it was in"
            " progress; run it again, finished stages that still exist are reused"
        )


def flow_run_link() -> str:
    """Return a Markdown link to the flow run's page in Prefect."""
    address = runtime.flow_run.ui_url
    text = f"Flow run {runtime.flow_run.name} in Prefect"
    return urls.markdown_link(text, str(address) if address else None)


def _run_tags(recipe: Recipe) -> dict[str, str]:
    return {"recipe_digest": recipe_digest(recipe), "flow_run_id": flow_run_id()}


def _reopen_parent_run() -> str | None:
    """Reopen the run of an earlier attempt of this flow run; None in the first attempt."""
    existing = history.parent_run(flow_run_id())
    if existing is None:
        return None
    run_id = str(existing.info.run_id)
    runs.reopen_run(run_id)
    return run_id


def _open_parent_run(recipe: Recipe, experiment_id: str) -> str:
    run_id = runs.open_run(experiment_id, recipe.name, _run_tags(recipe))
    runs.log_params(run_id, dict(_flatten(recipe.model_dump(mode="json"))))
    benchmark = data.load_benchmark(recipe)
    runs.log_benchmark(run_id, recipe, benchmark)
    if benchmark.overlap:
        noun = sample_noun(benchmark.kind)
        get_run_logger().warning("%d test %s are also in train", benchmark.overlap, noun)
    _warn_of_leaked_rows(recipe)
    with home.workspace() as directory:
        path = directory / "recipe.yaml"
        path.write_text(
            yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False), encoding="utf-8"
        )
        runs.log_file(run_id, path)
    return run_id


def _warn_of_leaked_rows(recipe: Recipe) -> None:
    filtered = data.load_unlabelled(recipe)
    if filtered is not None and filtered.test + filtered.validation:
        get_run_logger().warning(
            "soft_targets.unlabelled: %d rows are test texts and %d are validation texts:"
            " they are left out of training",
            filtered.test,
            filtered.validation,
        )


def _link_both_ways(run_id: str, experiment_id: str) -> None:
    """Link the MLflow run to the Prefect run, and the Prefect run to the MLflow run."""
    tags = {
        "prefect": str(runtime.flow_run.ui_url or flow_run_id()),
        "process": processes.current_process_identity(),
    }
    runs.set_tags(run_id, tags, flow_run_link())
    flow_run_page.link_mlflow_run(run_id, experiment_id)


def _flatten(value: Any, path: str = "") -> Iterator[tuple[str, object]]:  # noqa: ANN401
    """Flatten nested sections to `distill.student.layers`."""
    if isinstance(value, dict) and not all(name.isidentifier() for name in value):
        # User-defined names, such as labels: MLflow does not allow every character in a key.
        yield path, json.dumps(value, ensure_ascii=False)
    elif isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, member in items:
            yield from _flatten(member, f"{path}.{name}" if path else str(name))
    else:
        yield path, value


def flatten_section(section: object) -> dict[str, object]:
    """Return a recipe's section as flat parameters for MLflow."""
    return (
        dict(_flatten(json.loads(cache_key.canonical_json(section)))) if section is not None else {}
    )
