"""Stage bodies in several processes: started by the stage's task, which reports for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING

from coldpress.cpu import available_processors
from coldpress.errors import EXPECTED_ERRORS, InputError, RankError
from tasks.execution import data
from tasks.ranks.job import Ended, Failure, Job, Progress, Result, read

if TYPE_CHECKING:
    from coldpress.training.step import ProgressCallback
    from tasks.execution.body_context import BodyContext
    from tasks.execution.stage import StageBody
    from tasks.execution.stage_spec import StageContext

_ROOT = Path(__file__).parents[2]


def in_ranks(body: Callable[[BodyContext], dict[str, float]], processes: int) -> StageBody:
    """Return a body that computes the same in several processes.

    Args:
        body: A function of a module in `tasks.bodies`.
        processes: 1 returns the body itself.
    """
    return body if processes == 1 else partial(_run, body, processes)


def _run(
    body: Callable[[BodyContext], dict[str, float]], processes: int, context: StageContext
) -> dict[str, float]:
    from coldpress.training.loop import Epoch

    check_devices(processes)
    with TemporaryDirectory(dir=context.target.parent, prefix="ranks-") as folder:
        job = Job(
            stage=context.stage,
            body=f"{body.__module__}:{body.__name__}",
            recipe=context.recipe,
            dataset=data.load_benchmark(context.recipe).digest,
            inputs=tuple(checkpoint.path.absolute() for checkpoint in context.inputs),
            folder=Path(folder).absolute(),
            target=context.target.absolute(),
        )
        result = run_job(job, processes, context.progress)
    curves = {name: [Epoch(*e) for e in epochs] for name, epochs in result.curves.items()}
    context.log_epochs(curves, result.metric)
    return result.metrics


def check_devices(processes: int) -> None:
    """Check that each process can have a graphics processor of its own, if there are any.

    Raises:
        InputError: There are fewer.
    """
    import torch

    gpus = torch.cuda.device_count()
    if 0 < gpus < processes:
        raise InputError(f"processes: {processes}, but this machine has {gpus} GPUs")


def run_job(job: Job, processes: int, progress: ProgressCallback) -> Result:
    """Run a job's body in several processes; all of them end with this one.

    Args:
        job: Its folder exists.
        processes: Number of ranks.
        progress: Called after each step of the first rank.

    Raises:
        InputError: A rank raised it; so for the other errors that a user can cause.
        RankError: A rank failed in another way.
    """
    job.file.write_text(job.model_dump_json(), encoding="utf-8")
    failures: list[Failure] = []
    ended: Ended | None = None
    with _launcher(job, processes) as messages:
        for line in messages:
            message = read(line)
            if isinstance(message, Progress):
                progress(message.step, message.steps, message.loss)
            elif isinstance(message, Failure):
                failures.append(message)
            else:
                ended = message
    if failures or ended or not job.result.exists():
        raise _error(failures, ended, processes)
    return Result.model_validate_json(job.result.read_text(encoding="utf-8"))


@contextmanager
def _launcher(job: Job, processes: int) -> Iterator[IO[str]]:
    """Start the launcher, yield what it and the ranks write, and end all of them."""
    module = ("tasks.ranks.launcher", str(job.file), str(processes))
    process = subprocess.Popen(  # noqa: S603 (this Python, and code of our own)
        [sys.executable, "-P", "-m", *module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_environment(processes),
        text=True,
        start_new_session=True,  # Ctrl-C is for this process, which then closes the pipe
    )
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the process was started without pipes")
    try:
        yield process.stdout
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.read()  # until the last rank has ended
        process.stdout.close()
        process.wait()


def _environment(processes: int) -> dict[str, str]:
    """Divide the processors among the ranks, and let them meet on this machine only."""
    threads = int(os.environ.get("OMP_NUM_THREADS", 0)) or available_processors()
    own = {
        "OMP_NUM_THREADS": str(max(1, threads // processes)),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")])),
        "TORCH_CPP_LOG_LEVEL": "ERROR",
    }
    if sys.platform == "linux":
        own["GLOO_SOCKET_IFNAME"] = "lo"
    return {**os.environ, **own}


def _error(failures: list[Failure], ended: Ended | None, processes: int) -> Exception:
    """Return the cause: an error that a user can cause, a signal, or another error."""
    expected = {cls.__name__: cls for cls in EXPECTED_ERRORS}
    for failure in failures:
        if failure.error in expected:
            return expected[failure.error](failure.message)
    if ended is not None and ended.code < 0:
        name = signal.Signals(-ended.code).name
        return RankError(f"rank {ended.rank} of {processes} was ended by {name}")
    if failures:
        first = failures[0]
        return RankError(f"rank {first.rank} of {processes}: {first.error}: {first.message}")
    code = "" if ended is None else f", rank {ended.rank} with exit code {ended.code}"
    return RankError(f"the {processes} ranks ended without a result{code}")
