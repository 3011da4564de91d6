"""The hands of a user in MLflow's pages: delete, restore, rename, move aliases."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

from faults.sandbox import Sandbox
from tasks.tracking.paging import all_pages

MODEL = "tiny"
ALIASES = ("champion", "previous", "challenger")


class Hands:
    """Random actions on one registry."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._mlflow = MlflowClient()

    def act(self, chance: random.Random) -> str:
        """Do something that MLflow's pages offer.

        Returns:
            What was done, with what it was done to behind a colon.
        """
        actions: tuple[Callable[[random.Random], str], ...] = (
            *[self._move_alias] * 4,
            self._delete_alias,
            *[self._delete_version] * 2,
            *[self._delete_run] * 2,
            *[self._restore_run] * 2,
            self._delete_experiment,
            *[self._restore_experiment] * 2,
            self._rename_model,
            self._rename_run,
            self._rename_experiment,
            self._register_foreign,
            self._delete_model,
        )
        while True:
            with suppress(MlflowException, IndexError, StopIteration):  # nothing to do it to
                return chance.choice(actions)(chance)

    def _versions(self) -> list[Any]:
        return all_pages(self._mlflow.search_model_versions)

    def _move_alias(self, chance: random.Random) -> str:
        versions = [v.version for v in self._versions() if v.name == MODEL]
        alias = chance.choice(ALIASES)
        version = chance.choice(versions)
        self._mlflow.set_registered_model_alias(MODEL, alias, str(version))
        return f"an alias was moved: {alias} to {version}"

    def _delete_alias(self, chance: random.Random) -> str:
        alias = chance.choice(ALIASES)
        self._mlflow.delete_registered_model_alias(MODEL, alias)
        return f"an alias was deleted: {alias}"

    def _delete_version(self, chance: random.Random) -> str:
        version = chance.choice([v for v in self._versions() if not v.name.endswith("-audit")])
        self._mlflow.delete_model_version(version.name, str(version.version))
        return f"a version was deleted: {version.name}/{version.version}"

    def _runs(self, view: int) -> list[Any]:
        experiments = all_pages(self._mlflow.search_experiments, ViewType.ALL)
        ids = [experiment.experiment_id for experiment in experiments]
        return all_pages(self._mlflow.search_runs, ids, "", view)

    def _delete_run(self, chance: random.Random) -> str:
        run = chance.choice(self._runs(ViewType.ACTIVE_ONLY))
        self._mlflow.delete_run(run.info.run_id)
        return f"a run was deleted: {run.info.run_name}"

    def _restore_run(self, chance: random.Random) -> str:
        run = chance.choice(self._runs(ViewType.DELETED_ONLY))
        self._mlflow.restore_run(run.info.run_id)
        return f"a run was restored: {run.info.run_name}"

    def _delete_experiment(self, chance: random.Random) -> str:
        experiments = all_pages(self._mlflow.search_experiments)
        experiment = chance.choice([e for e in experiments if e.name != "Default"])
        self._mlflow.delete_experiment(experiment.experiment_id)
        return f"an experiment was deleted: {experiment.name}"

    def _restore_experiment(self, chance: random.Random) -> str:
        experiment = chance.choice(
            all_pages(self._mlflow.search_experiments, ViewType.DELETED_ONLY)
        )
        self._mlflow.restore_experiment(experiment.experiment_id)
        return f"an experiment was restored: {experiment.name}"

    def _rename_model(self, _: random.Random) -> str:
        """There and back: most of what follows asks for the usual name."""
        names = {m.name for m in all_pages(self._mlflow.search_registered_models)}
        old = next(name for name in (f"{MODEL}-renamed", MODEL) if name in names)
        new = MODEL if old != MODEL else f"{MODEL}-renamed"
        self._mlflow.rename_registered_model(old, new)
        return f"a model was renamed: {old} to {new}"

    def _rename_run(self, chance: random.Random) -> str:
        run = chance.choice(self._runs(ViewType.ACTIVE_ONLY))
        self._mlflow.update_run(run.info.run_id, name="renamed")
        return f"a run was renamed: {run.info.run_name}"

    def _rename_experiment(self, _: random.Random) -> str:
        """There and back, as long as nothing has taken the usual name meanwhile."""
        experiments = all_pages(self._mlflow.search_experiments)
        names = {e.name: e.experiment_id for e in experiments}
        old = next(name for name in (f"{MODEL}-renamed", MODEL) if name in names)
        new = MODEL if old != MODEL else f"{MODEL}-renamed"
        self._mlflow.rename_experiment(names[old], new)
        return f"an experiment was renamed: {old} to {new}"

    def _register_foreign(self, chance: random.Random) -> str:
        run = chance.choice(self._runs(ViewType.ACTIVE_ONLY))
        source = f"runs:/{run.info.run_id}/elsewhere"
        version = self._mlflow.create_model_version(MODEL, source, run.info.run_id)
        return f"a version of another tool was registered: {version.version}"

    def _delete_model(self, chance: random.Random) -> str:
        """Of an intermediate stage; the deployed one is more often renamed."""
        name = f"{MODEL}-{chance.choice(('teacher', 'student', 'pruned', 'quantized'))}"
        self._mlflow.delete_registered_model(name)
        return f"a model was deleted: {name}"
