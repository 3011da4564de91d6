"""Process that starts the ranks of a job with torchrun's agent, and reports which one failed."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

from tasks.ranks.parent import end_with_parent

ADDRESS = "127.0.0.1"


def main(job: str, processes: str) -> None:
    """Run a job to its end.

    Args:
        job: Path of the job's file.
        processes: Number of ranks.
    """
    end_with_parent()
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    from tasks.ranks.job import Ended, send

    logging.disable(logging.CRITICAL)  # its lines about a rank that failed; see `Ended`
    folder = Path(job).parent
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=int(processes),
        run_id=folder.name,
        max_restarts=0,
        # Files instead of a port that other users could reach.
        rdzv_backend="c10d",
        rdzv_endpoint=str(folder / "rendezvous"),
        rdzv_configs={"store_type": "file"},
        local_addr=ADDRESS,
        logs_specs=DefaultLogsSpecs(log_dir=str(folder / "logs")),
    )
    rank = ("-P", "-m", "tasks.ranks.worker", job)
    try:
        elastic_launch(config, sys.executable)(*rank)
    except ChildFailedError as error:
        codes = {number: failure.exitcode for number, failure in error.failures.items()}
        number = min(codes, key=lambda number: _distance_from_cause(codes[number]))
        send(Ended(number, codes[number]), sys.stdout.fileno())
        sys.exit(1)


def _distance_from_cause(code: int) -> tuple[bool, bool]:
    """Rank exit codes: the agent terminates the rest, and ranks that lost another exit with 1."""
    return code == -signal.SIGTERM, code >= 0


if __name__ == "__main__":
    main(*sys.argv[1:])
