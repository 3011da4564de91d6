"""The run that a whole chain of stages belongs to, found again from the flow run alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from prefect import get_run_logger, runtime

from coldpress.errors import InputError
from tasks.environment import home, processes
from tasks.execution import cache_key, data, flow_run_page, log_filters
from tasks.tracking import experiments, history, open_runs, runs, urls

if TYPE_CHECKING:
    from coldpress.recipe.recipe import Recipe


@dataclass(frozen=True)
class Chain:
    """One press of one recipe.

    Attributes:
        run_id: The parent run in MLflow.
        experiment_id: The recipe's experiment.
        tags: What every run and version of this chain carries.
    """

    run_id: str
    experiment_id: str
    tags: dict[str, str]


def recipe_digest(recipe: Recipe) -> str:
    """sha256 of a recipe, whatever the order of its keys."""
    return hashlib.sha256(cache_key.canonical(recipe).encode()).hexdigest()


@contextmanager
def pressing(recipe: Recipe) -> Iterator[None]:
    """Open the chain's run, or take it up again in a retry, and close it at the end.

    Args:
        recipe: What is pressed.
    """
    log_filters.without_traceback()
    with _explained(), _none_left_open():
        _check(recipe)
        experiment_id = runs.experiment(recipe.name)
        closed = open_runs.close_dead(experiment_id)
        if closed:
            owners = ", ".join(closed)
            get_run_logger().warning("Closed the MLflow runs of %s, which was killed", owners)
        known = history.parent_run(_flow_run_id())
        run_id = known.info.run_id if known else _open(recipe, experiment_id)
        if known:
            runs.reopen(run_id)
        _link_both_ways(run_id)
        with runs.recorded(run_id), open_runs.closing(experiment_id):
            yield


def _check(recipe: Recipe) -> None:
    """Check first what a deployment was given; `coldpress run` has done so before it began."""
    if runtime.deployment.id:
        from coldpress.recipe.preflight import inspect

        inspect(recipe, home.home())
        experiments.check(runs.client(), recipe.name)


@contextmanager
def _explained() -> Iterator[None]:
    """Say on the flow run's page what failed; by then all of its runs are closed."""
    try:
        yield
    except Exception as error:
        stages = history.stage_results(_flow_run_id())
        failed = next((stage for stage in stages if stage.status == "failed"), None)
        flow_run_page.explain(error, failed)
        raise


@contextmanager
def _none_left_open() -> Iterator[None]:
    """Close the run that an interruption hit between its creation and the block that closes it."""
    try:
        yield
    except BaseException:
        for run in history.flow_runs(_flow_run_id()):
            if run.info.status == "RUNNING":
                runs.close(run.info.run_id)
        raise


def current(recipe: Recipe) -> Chain:
    """Find the chain that this task belongs to, on whatever machine it runs.

    Args:
        recipe: What is pressed.

    Returns:
        The chain that the flow opened.
    """
    run = history.parent_run(_flow_run_id())
    if run is None:
        raise InputError(
            f"name: the run of {recipe.name} was deleted in MLflow while it worked; run it again,"
            " finished stages that are still there are reused"
        )
    return Chain(run.info.run_id, run.info.experiment_id, _tags(recipe))


def flow_run_link() -> str:
    """Return Markdown that leads from MLflow to the flow run's page in Prefect."""
    address = runtime.flow_run.ui_url
    words = f"Flow run {runtime.flow_run.name} in Prefect"
    return urls.link(words, str(address) if address else None)


def _flow_run_id() -> str:
    return str(runtime.flow_run.id)


def _tags(recipe: Recipe) -> dict[str, str]:
    return {"recipe_digest": recipe_digest(recipe), "flow_run_id": _flow_run_id()}


def _open(recipe: Recipe, experiment_id: str) -> str:
    run_id = runs.open_run(experiment_id, recipe.name, _tags(recipe))
    runs.log_params(run_id, dict(_flat(recipe.model_dump(mode="json"))))
    benchmark = data.benchmark(recipe)
    runs.log_benchmark(run_id, recipe, benchmark)
    if benchmark.overlap:
        get_run_logger().warning("%d test texts also stand in train", benchmark.overlap)
    _warn_of_unlabelled(recipe)
    with home.workspace() as directory:
        path = directory / "recipe.yaml"
        path.write_text(
            yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False), encoding="utf-8"
        )
        runs.log_file(run_id, path)
    return run_id


def _warn_of_unlabelled(recipe: Recipe) -> None:
    found = data.unlabelled(recipe)
    if found is not None and found.test + found.validation:
        get_run_logger().warning(
            "soft_targets.unlabelled: %d rows are test texts and %d are validation texts:"
            " nothing is learned from them",
            found.test,
            found.validation,
        )


def _link_both_ways(run_id: str) -> None:
    """Name the Prefect run in MLflow and the MLflow run in Prefect."""
    runs.tag(
        run_id,
        {
            "prefect": str(runtime.flow_run.ui_url or _flow_run_id()),
            "process": processes.this_process(),
        },
    )
    runs.describe(run_id, flow_run_link())
    flow_run_page.lead_to_run(run_id)


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, object]]:  # noqa: ANN401
    """Flatten nested sections to `distill.student.layers`."""
    if isinstance(value, dict) and not all(name.isidentifier() for name in value):
        # Names of the user's own, such as labels: MLflow does not take every character in a key.
        yield path, json.dumps(value, ensure_ascii=False)
    elif isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, member in items:
            yield from _flat(member, f"{path}.{name}" if path else str(name))
    else:
        yield path, value


def flat_section(section: object) -> dict[str, object]:
    """Return a recipe's section as flat parameters for MLflow."""
    return dict(_flat(json.loads(cache_key.canonical(section)))) if section is not None else {}
