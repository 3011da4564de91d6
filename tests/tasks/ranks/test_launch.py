"""Ranks are processes of their own: what they do, how they fail and that they end."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from coldpress.errors import DivergedError, InputError, RankError
from coldpress.recipe.recipe import Recipe
from coldpress.training.step import no_progress
from tasks.execution import data
from tasks.execution.pipeline_run import PipelineRun
from tasks.execution.stage_spec import StageSpec
from tasks.ranks.job import Job
from tasks.ranks.launch import in_ranks, run_job
from tests.support import rank_bodies
from tests.support.command import RECIPE, new_home
from tests.support.killed_run import end_in

SECTIONS = {
    "benchmark": {
        "kind": "text-classification",
        "source": {"origin": "synthetic", "train_examples": 200, "test_examples": 60},
    },
    "teacher": {"model": {"origin": "scratch"}},
}


@pytest.fixture
def recipe() -> Recipe:
    return Recipe.model_validate({"name": "tiny", "processes": 2, **SECTIONS})


@pytest.fixture
def job(recipe: Recipe, tmp_path: Path) -> Job:
    return Job(
        stage="train_teacher",
        body="tests.support.rank_bodies:describes",
        recipe=recipe,
        dataset=data.load_benchmark(recipe).digest,
        inputs=(),
        folder=tmp_path,
        target=tmp_path / "checkpoint",
    )


def run(job: Job, body: str, progress: Any = no_progress) -> dict[str, float]:  # noqa: ANN401
    job = job.model_copy(update={"body": f"tests.support.rank_bodies:{body}"})
    return run_job(job, 2, progress).metrics


def test_ranks_divide_the_threads_import_no_server_and_report_through_the_first(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    steps: list[tuple[int, int, float]] = []
    metrics = run(job, "describes", lambda *step: steps.append(step))
    assert metrics == {"ranks": 2, "numbers": 1, "servers": 0, "threads": 4}
    assert steps == [(1, 2, 0.5)]


def test_diverged_training_keeps_its_message(job: Job) -> None:
    with pytest.raises(DivergedError, match=r"^training diverged: the loss is nan$"):
        run(job, "diverges")


def test_a_rank_that_fails_is_named_with_its_error(job: Job) -> None:
    with pytest.raises(RankError, match=r"^rank 1 of 2: KeyError: 'row-7'$"):
        run(job, "has_a_bug")


def test_a_rank_that_is_killed_is_named_with_the_signal(job: Job) -> None:
    with pytest.raises(RankError, match=r"^rank 1 of 2 was ended by SIGKILL$"):
        run(job, "is_killed")


def test_rows_that_have_changed_are_not_trained_on(job: Job) -> None:
    with pytest.raises(InputError, match=r"^benchmark\.source: its rows have changed since"):
        run(job.model_copy(update={"dataset": "0" * 64}), "describes")


def test_one_process_runs_the_body_itself() -> None:
    assert in_ranks(rank_bodies.describes, 1) is rank_bodies.describes


def test_the_number_of_processes_is_part_of_the_key(recipe: Recipe) -> None:
    run = PipelineRun(recipe, "none", "none", {})
    keys = [StageSpec(run, "prune", None, processes=n).key for n in (1, 2, 3)]
    assert len(set(keys)) == 3
    assert keys[0] == StageSpec(run, "prune", None).key


def test_a_killed_run_leaves_no_process_and_is_resumed(tmp_path: Path) -> None:
    coldpress = new_home(tmp_path, f"processes: 2\n{RECIPE}")
    pids: set[int] = set()

    def collect() -> bool:
        pids.update(process.pid for process in rank_processes(tmp_path))
        return len(pids) >= 3  # the launcher and two ranks

    end_in(coldpress, "distill_student", signal.SIGKILL, when=collect)
    deadline = time.monotonic() + 30
    while rank_processes(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert rank_processes(tmp_path) == []
    resumed = coldpress.run_tiny()
    statuses = [stage["status"] for stage in resumed["stages"]]
    assert statuses == ["reused"] * 2 + ["ran"] * 5


def rank_processes(folder: Path) -> list[psutil.Process]:
    """Processes of a job below a folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or ())
        and any("tasks.ranks" in word for word in process.info["cmdline"])
    ]
