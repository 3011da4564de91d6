"""Stages of a pipeline run: what each is computed from, and what its task needs to compute it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.recipe.recipe import Recipe
from coldpress.schema.stages import Stage
from tasks.execution import cache_key, data
from tasks.execution.pipeline_run import PipelineRun
from tasks.tracking.results import StageResult

if TYPE_CHECKING:
    from coldpress.training.loop import Epoch
    from coldpress.training.step import ProgressCallback


@dataclass(frozen=True)
class StageSpec:
    """One stage of a pipeline run.

    Attributes:
        run: The pipeline run; only its recipe can affect the result.
        stage: Its name, and that of its module in `tasks`, whose code is part of the cache key.
        section: The part of the recipe that this stage depends on.
        inputs: Results of earlier stages that this one uses.
        key_extras: Anything else that changes the result, such as the processor.
        may_reuse: Whether a stored result with this key may be reused.
        processes: Ranks that train together. More of them change the result: each draws the random
            numbers of dropout for its own rows, and sums are rounded in another order.
    """

    run: PipelineRun
    stage: Stage
    section: Any
    inputs: tuple[StageResult, ...] = ()
    key_extras: Mapping[str, str] = field(default_factory=dict)
    may_reuse: Callable[[StageResult], bool] = lambda _: True
    processes: int = 1

    @property
    def ancestors(self) -> tuple[str, ...]:
        """Unique digests of all direct and indirect inputs."""
        digests = [d for i in self.inputs for d in (i.digest or "", *i.ancestors)]
        return tuple(dict.fromkeys(digest for digest in digests if digest))

    @property
    def key(self) -> str:
        """The cache key; equal keys mean equal results."""
        recipe = self.run.recipe
        depends_on = {
            "section": self.section,
            "benchmark": data.load_benchmark(recipe).digest,
            "max_tokens": recipe.benchmark.max_tokens,
            "inputs": [result.digest for result in self.inputs],
            "seed": recipe.seed,
            "also": dict(self.key_extras),
        }
        if self.processes > 1:
            depends_on["processes"] = self.processes
        return cache_key.stage_key(self.stage, f"tasks.{self.stage}", depends_on)


@dataclass(frozen=True)
class StageContext:
    """Everything that a stage body needs to compute its result.

    Attributes:
        spec: The stage.
        target: Directory to which the checkpoint must be written.
        inputs: Opened checkpoints of `spec.inputs`, in the same order.
        run_id: The stage's MLflow run, for curves and figures.
        progress: To be called after each step.
    """

    spec: StageSpec
    target: Path
    inputs: Sequence[Checkpoint]
    run_id: str
    progress: ProgressCallback

    @property
    def stage(self) -> Stage:
        """Name of the stage."""
        return self.spec.stage

    @property
    def recipe(self) -> Recipe:
        """The whole recipe."""
        return self.spec.run.recipe

    @property
    def section(self) -> Any:  # noqa: ANN401
        """The part of the recipe that this stage depends on."""
        return self.spec.section

    @property
    def parents(self) -> tuple[str, ...]:
        """Digests of the inputs."""
        return tuple(checkpoint.digest for checkpoint in self.inputs)

    def log_epochs(self, curves: Mapping[str, Sequence[Epoch]], metric: str) -> None:
        """Record training curves in the stage's run; see `tracking.curves.log_epochs`."""
        from tasks.tracking.curves import log_epochs

        log_epochs(self.run_id, curves, metric)

    def manifest(self, notes: Mapping[str, Any] | None = None) -> Manifest:
        """Return the manifest of the checkpoint: stage, parents and section of the recipe."""
        section = json.loads(cache_key.canonical_json(self.section))
        return Manifest(
            stage=self.stage, parents=self.parents, section=section, notes=dict(notes or {})
        )
