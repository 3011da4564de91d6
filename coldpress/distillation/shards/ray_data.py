"""Compute shards on a Ray cluster, with Ray Data: a shard is a row.

Workers read the rows and the teacher, and write the shards, where this process does; only their
numbers go through Ray. On several machines, the home is therefore on a shared file system.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch

from coldpress.distillation.shards.job import ShardJob
from coldpress.errors import InputError, NonFiniteError
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.serialization import load_classifier

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ADDRESS = "RAY_ADDRESS"
_SECONDS = 15
"""A cluster that has not answered after this time does not answer."""
_OBJECT_STORE_BYTES = 128 * 2**20
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # no telemetry
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # without it, each start prints a warning
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
}


def check_cluster() -> None:
    """Check that Ray is installed, and that a cluster answers where the environment names one.

    Raises:
        InputError: Ray is missing, or the address does not answer.
    """
    if find_spec("ray") is None:
        raise InputError("soft_targets.engine: ray is not installed; pip install coldpress[ray]")
    address = os.environ.get(_ADDRESS)
    if not address:
        return
    command = "import ray, sys; ray.init(sys.argv[1], logging_level=40)"
    try:
        # In a process of its own: Ray offers no time limit, and its threads would stay.
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", command, address],
            env={**os.environ, **_SETTINGS},
            timeout=_SECONDS,
            check=True,
            capture_output=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise InputError(
            f"soft_targets.engine: no Ray cluster answers at {_ADDRESS}={address}"
        ) from error


def compute_shards(job: ShardJob, num_gpus: float) -> None:
    """Compute the shards that are missing.

    Args:
        job: The shards of one teacher.
        num_gpus: GPUs of each worker.

    Raises:
        NonFiniteError: A value is not finite, or too large for float16.
    """
    missing = job.missing()
    if not missing:
        return
    with _cluster() as ray:
        # As many threads as here: their number can change the last bits of a result.
        threads = torch.get_num_threads()
        pool = ray.data.ActorPoolStrategy(min_size=1, max_size=_workers(ray, threads, num_gpus))
        rows = ray.data.from_items([{"shard": shard} for shard in missing])
        results = rows.map_batches(
            _Worker,
            fn_constructor_args=(job, threads, "cuda" if num_gpus else "cpu"),
            batch_size=1,
            compute=pool,
            num_cpus=threads,
            num_gpus=num_gpus or None,
        )
        for result in results.iter_rows():
            if result["error"]:
                raise NonFiniteError(result["error"])


class _Worker:
    """A process that has opened the teacher."""

    def __init__(self, job: ShardJob, threads: int, device: str) -> None:
        torch.set_num_threads(threads)
        self._job = job
        self._teacher = load_classifier(Checkpoint.open(job.teacher))
        self._teacher.module.to(device)
        self._rows = job.open_rows()

    def __call__(self, batch: dict[str, NDArray[np.int64]]) -> dict[str, list[str]]:
        errors = []
        for shard in batch["shard"].tolist():
            try:
                self._job.compute(self._teacher, self._rows, shard)
                errors.append("")
            except NonFiniteError as error:
                errors.append(str(error))
        return {"error": errors}


def _workers(ray: Any, threads: int, num_gpus: float) -> int:  # noqa: ANN401
    """Return how many workers the cluster has room for."""
    resources = ray.cluster_resources()
    room = resources.get("CPU", 1) / threads
    if num_gpus:
        room = min(room, resources.get("GPU", 0) / num_gpus)
    return max(1, int(room))


@contextmanager
def _cluster() -> Iterator[Any]:
    """Connect to the cluster of the environment, or start one that only this machine reaches."""
    os.environ.update(_SETTINGS)
    import ray
    import ray.data

    address = os.environ.get(_ADDRESS)
    local = {
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "_node_ip_address": "127.0.0.1",
    }
    options: dict[str, Any] = {} if address else local
    ray.init(address or "local", logging_level=logging.ERROR, log_to_driver=False, **options)
    try:
        logging.getLogger("ray.data").setLevel(logging.WARNING)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        yield ray
    finally:
        ray.shutdown()
