"""What a stage body needs to compute its result, in the stage's own process or in ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from coldpress.model.checkpoint import Checkpoint, Manifest
    from coldpress.recipe.recipe import Recipe
    from coldpress.schema.stages import Stage
    from coldpress.training.loop import Epoch
    from coldpress.training.step import ProgressCallback


class BodyContext(Protocol):
    """Everything that a stage body needs."""

    @property
    def stage(self) -> Stage:
        """Name of the stage."""

    @property
    def recipe(self) -> Recipe:
        """The whole recipe."""

    @property
    def section(self) -> Any:  # noqa: ANN401
        """The part of the recipe that this stage depends on."""

    @property
    def inputs(self) -> Sequence[Checkpoint]:
        """Opened checkpoints of earlier stages."""

    @property
    def target(self) -> Path:
        """Directory to which the checkpoint must be written, by the first rank."""

    @property
    def progress(self) -> ProgressCallback:
        """To be called after each step."""

    def manifest(self, notes: Mapping[str, Any] | None = None) -> Manifest:
        """Return the manifest of the checkpoint: stage, parents and section of the recipe."""

    def log_epochs(self, curves: Mapping[str, Sequence[Epoch]], metric: str) -> None:
        """Record training curves; see `tracking.curves.log_epochs`."""
