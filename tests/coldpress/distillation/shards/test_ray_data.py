"""Shards that a Ray cluster computes are those that this process computes."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from pathlib import Path

import psutil
import pytest

from coldpress.distillation.shards import job, local, ray_data
from coldpress.distillation.shards.job import ShardJob
from coldpress.errors import InputError, NonFiniteError
from coldpress.model.checkpoint import Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import write_checkpoint
from tests.support.shard_rows import make_rows

pytest.importorskip("ray")
pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("ray")]


def make_job(folder: Path, teacher: Classifier, rows: int) -> ShardJob:
    folder.mkdir()
    write_checkpoint(teacher, folder / "teacher", Manifest(stage="train_teacher"))
    job.write_rows(make_rows(rows), folder)
    return ShardJob(folder, folder / "teacher", 1, hidden_states=False, shard_rows=50)


def stored_names(shards: ShardJob) -> list[str]:
    """Names of the shards, with their digests."""
    return sorted(path.name for path in shards.directory.iterdir())


def kill_a_worker(shards: ShardJob, killed: list[int], done: threading.Event) -> None:
    """Kill a worker once it has stored a shard."""
    while not done.is_set() and not killed:
        if any(shards.directory.glob("*.safetensors")):
            for process in psutil.Process().children(recursive=True):
                if "MapWorker" in "".join(process.cmdline()):
                    os.kill(process.pid, signal.SIGKILL)
                    killed.append(process.pid)
                    return
        time.sleep(0.001)


def test_a_killed_worker_loses_nothing_and_digests_are_equal(
    tiny: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    here = make_job(tmp_path / "here", tiny, 3000)
    local.compute_shards(here)
    cluster = make_job(tmp_path / "cluster", tiny, 3000)
    killed: list[int] = []
    done = threading.Event()
    watcher = threading.Thread(target=kill_a_worker, args=(cluster, killed, done))
    watcher.start()
    try:
        ray_data.compute_shards(cluster, num_gpus=0)
    finally:
        done.set()
        watcher.join()
    assert len(killed) == 1
    assert cluster.missing() == []
    assert [n for n in stored_names(cluster) if n.endswith(".safetensors")] == stored_names(here)
    assert len(stored_names(here)) == 60


def test_an_error_of_a_worker_is_an_error_here(
    tiny: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    tiny.module.get_parameter("classifier.bias").data.fill_(1e6)
    with pytest.raises(NonFiniteError, match=r"logits: .* values are not finite"):
        ray_data.compute_shards(make_job(tmp_path / "cluster", tiny, 60), num_gpus=0)


@pytest.mark.parametrize("listens", [False, True])
def test_an_address_that_does_not_answer_is_one_line_within_20_seconds(
    listens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing listens there, or something that is no cluster and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:
            server.listen()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        start = time.monotonic()
        with pytest.raises(InputError) as error:
            ray_data.check_cluster()
    assert time.monotonic() - start < 20
    assert str(error.value) == (
        f"soft_targets.engine: no Ray cluster answers at RAY_ADDRESS={address}"
    )
