"""A rank: runs the body of a stage together with the other ranks, without Prefect and MLflow."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.ranks.parent import end_with_parent

if TYPE_CHECKING:
    from coldpress.model.checkpoint import Checkpoint, Manifest
    from coldpress.recipe.recipe import Recipe
    from coldpress.schema.stages import Stage
    from coldpress.training.loop import Epoch
    from coldpress.training.step import ProgressCallback
    from tasks.ranks.job import Curve, Job


def main(job: str) -> None:
    """Run a job's body, and report an error of this rank.

    Args:
        job: Path of the job's file.
    """
    end_with_parent()
    pipe = _claim_output()
    from coldpress.errors import EXPECTED_ERRORS
    from coldpress.ranks import LostRankError
    from tasks.ranks.job import Failure, Job, send

    try:
        _run(Job.model_validate_json(Path(job).read_text(encoding="utf-8")), pipe)
    except LostRankError:
        sys.exit(1)  # the other rank has reported the cause
    except Exception as error:
        if not isinstance(error, EXPECTED_ERRORS):
            traceback.print_exc()
        send(Failure(int(os.environ["RANK"]), type(error).__name__, str(error)), pipe)
        sys.exit(1)


def _claim_output() -> int:
    """Keep standard output for messages; what else is printed goes to standard error."""
    pipe = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return pipe


def _run(job: Job, pipe: int) -> None:
    from coldpress import ranks
    from tasks.ranks.job import Progress, Result, send

    def report(step: int, steps: int, loss: float) -> None:
        send(Progress(step, steps, loss), pipe)

    module, _, function = job.body.partition(":")
    body_module = importlib.import_module(module)
    with _process_group(job):
        _check_dataset(job)
        context = RankContext(job, body_module.section, report)
        metrics = getattr(body_module, function)(context)
        if ranks.is_first():
            result = Result(metrics=metrics, curves=context.curves, metric=context.metric)
            job.result.write_text(result.model_dump_json(), encoding="utf-8")


@contextmanager
def _process_group(job: Job) -> Iterator[None]:
    """Join the other ranks: on graphics processors, if there are any, each has its own."""
    import torch
    from torch import distributed

    has_gpus = torch.cuda.is_available()
    if has_gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if has_gpus else "gloo",
        init_method=f"file://{job.folder / 'group'}",
        rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]),
    )
    try:
        yield
    finally:
        distributed.destroy_process_group()


def _check_dataset(job: Job) -> None:
    """The result is stored under a key with this digest."""
    from coldpress.errors import InputError
    from tasks.execution import data

    if data.load_benchmark(job.recipe).digest != job.dataset:
        raise InputError("benchmark.source: its rows have changed since the run started")


@dataclass
class RankContext:
    """Everything that the body needs, from the job's file."""

    job: Job
    find_section: Callable[[Recipe], Any]
    report: ProgressCallback
    curves: dict[str, Curve] = field(default_factory=dict)
    metric: str = ""

    @property
    def stage(self) -> Stage:
        """Name of the stage."""
        return self.job.stage

    @property
    def recipe(self) -> Recipe:
        """The whole recipe."""
        return self.job.recipe

    @property
    def section(self) -> Any:  # noqa: ANN401
        """The part of the recipe that this stage depends on."""
        return self.find_section(self.job.recipe)

    @cached_property
    def inputs(self) -> Sequence[Checkpoint]:
        """Opened checkpoints of earlier stages."""
        from coldpress.model.checkpoint import Checkpoint

        return [Checkpoint.open(path) for path in self.job.inputs]

    @property
    def target(self) -> Path:
        """Directory to which the first rank writes the checkpoint."""
        return self.job.target

    @property
    def progress(self) -> ProgressCallback:
        """Report steps, on the first rank."""
        from coldpress import ranks
        from coldpress.training.step import no_progress

        return self.report if ranks.is_first() else no_progress

    def manifest(self, notes: Mapping[str, Any] | None = None) -> Manifest:
        """Return the manifest of the checkpoint: stage, parents and section of the recipe."""
        from coldpress.model.checkpoint import Manifest
        from tasks.execution.cache_key import canonical_json

        parents = tuple(checkpoint.digest for checkpoint in self.inputs)
        section = json.loads(canonical_json(self.section))
        return Manifest(stage=self.stage, parents=parents, section=section, notes=dict(notes or {}))

    def log_epochs(self, curves: Mapping[str, Sequence[Epoch]], metric: str) -> None:
        """Keep training curves for the result."""
        self.metric = metric
        self.curves = {name: [astuple(epoch) for epoch in curves[name]] for name in curves}


if __name__ == "__main__":
    main(*sys.argv[1:])
