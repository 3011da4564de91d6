"""Re-evaluation through Prefect: how its run ends, and what is left of it in MLflow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from mlflow.artifacts import load_text
from mlflow.entities import Run
from prefect.artifacts import Artifact
from prefect.deployments.runner import RunnerDeployment
from prefect.logging import disable_run_logger
from prefect.testing.utilities import prefect_test_harness

from coldpress.drift.result import Reevaluation
from coldpress.errors import InputError
from coldpress.model.checkpoint import Checkpoint
from flows.compress import compress
from flows.reevaluate import re_evaluate
from tasks import announce
from tasks.tracking import history, registry
from tasks.tracking import runs as tracking
from tests.support import tiny_champion
from tests.support.tiny_champion import rows, write

pytestmark = pytest.mark.xdist_group("prefect-server")


@pytest.fixture(scope="module")
def prefect() -> Iterator[None]:
    """A Prefect server."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


def runs() -> list[Run]:
    """The runs of re-evaluations, oldest first."""
    return history.find_runs("tags.`coldpress.reevaluates` = 'tiny/1'")


def state_of(path: Path, **also: bool) -> Any:  # noqa: ANN401
    """Re-evaluate `tiny` on a file."""
    fresh = {"origin": "files", "path": str(path)}
    return re_evaluate("tiny", fresh, **also, return_state=True)


def test_a_healthy_champion_ends_so_and_is_recorded(
    prefect: None, state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    tiny_champion.champion(tmp_path, tiny_checkpoint)
    ended = state_of(tmp_path / "test.jsonl")
    assert (ended.type, ended.name) == ("COMPLETED", "Healthy")
    assert ended.message == "90 new rows show no loss of accuracy and no drift."

    (run,) = runs()
    assert (run.info.status, run.info.run_name) == ("FINISHED", "re-evaluate")
    assert run.data.tags["coldpress.reevaluated"] == "healthy"
    assert json.loads(run.data.tags["coldpress.fresh"])["path"] == str(tmp_path / "test.jsonl")
    assert run.data.metrics["rows"] == 90
    assert run.data.metrics["accuracy.difference_on_same_rows"] == 0
    assert run.data.metrics["drift.length"] == 0
    report = load_text(f"runs:/{run.info.run_id}/reevaluation.json")
    assert Reevaluation.model_validate_json(report) == ended.result()
    assert load_text(f"runs:/{run.info.run_id}/reevaluation.md").startswith("**tiny/1: healthy.**")

    tags = registry.resolve("tiny/1").tags
    assert (tags["reevaluated"], tags["reevaluated.run_id"]) == ("healthy", run.info.run_id)
    artifact = cast("Any", Artifact.get("re-evaluation"))
    assert "| embeddings | no | 0 |" in str(artifact.data)


def test_runs_end_in_the_states_drifted_and_worse(
    prefect: None, state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    tiny_champion.champion(tmp_path, tiny_checkpoint, flattered=True)
    elsewhere = write(tmp_path / "elsewhere.jsonl", rows(7, 60, ("okapi", "ibex"), longer=9), False)
    drifted = state_of(elsewhere, labelled=False)
    assert (drifted.type, drifted.name) == ("COMPLETED", "Drifted")
    assert drifted.message.startswith(
        "Answers: calm changed most, from 33.33 % of the rows to 100 %"
    )
    worse = state_of(write(tmp_path / "fresh.jsonl", rows(8, 60)))
    assert (worse.type, worse.name) == ("COMPLETED", "Worse")
    assert [run.data.tags["coldpress.reevaluated"] for run in runs()] == ["drifted", "worse"]
    assert registry.resolve("tiny/1").tags["reevaluated"] == "worse"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (Path("fresh.jsonl"), "fresh.path: fresh.jsonl is not absolute; it is read on the worker"),
        (Path("/nowhere/fresh.jsonl"), "fresh.path: /nowhere/fresh.jsonl: no such file"),
    ],
)
def test_wrong_input_fails_in_one_line_and_leaves_nothing(
    prefect: None,
    state: Path,
    tmp_path: Path,
    tiny_checkpoint: Checkpoint,
    path: Path,
    message: str,
) -> None:
    tiny_champion.champion(tmp_path, tiny_checkpoint)
    ended = state_of(path)
    assert ended.type == "FAILED"
    with pytest.raises(InputError, match=f"^{message}$"):
        ended.result()
    assert runs() == []
    assert "reevaluated" not in registry.resolve("tiny/1").tags


def test_the_models_own_deployment_comes_before_blank_and_none_during_a_run(
    prefect: None, state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    recipe = tiny_champion.champion(tmp_path, tiny_checkpoint)

    def retraining_deployment() -> tuple[str, str] | None:
        with disable_run_logger():
            resource = announce.retraining_deployment("tiny", recipe)
        if resource is None:
            return None
        return resource["prefect.resource.id"], resource["prefect.resource.name"]

    def deploy(name: str) -> tuple[str, str]:
        deployment = cast("RunnerDeployment", compress.to_deployment(name))
        return f"prefect.deployment.{deployment.apply()}", f"compress/{name}"

    assert retraining_deployment() is None
    assert deploy("blank") == retraining_deployment()
    assert deploy("tiny") == retraining_deployment()
    with disable_run_logger():
        assert announce.retraining_deployment("tiny", None) is None
    tracking.open_run(tracking.ensure_experiment("tiny"), "tiny", {"recipe_digest": "0"})
    assert retraining_deployment() is None
