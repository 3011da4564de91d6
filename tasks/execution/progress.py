"""Progress of a stage: a bar on a terminal and an artifact in Prefect; nothing in logs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from rich.console import Console
from rich.progress import Progress

from tasks.execution.prefect_artifacts import try_report

if TYPE_CHECKING:
    from coldpress.training.step import ProgressCallback

_SECONDS_BETWEEN_ARTIFACTS = 5.0


@contextmanager
def show_progress(stage: str) -> Iterator[ProgressCallback]:
    """Show the progress of a stage.

    Args:
        stage: Name of the stage.

    Yields:
        A callback to call after each step.
    """
    console = Console(file=sys.stderr)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task(stage.replace("_", " "), total=None)
        artifact = _ProgressArtifact(stage)

        def step(completed: int, total: int, loss: float) -> None:
            bars.update(
                bar, completed=completed, total=total, description=f"{stage} loss {loss:.3f}"
            )
            artifact.update(100 * completed / total, loss)

        yield step


class _ProgressArtifact:
    """A Prefect progress artifact, written rarely, since each write is a request."""

    def __init__(self, stage: str) -> None:
        self._key = stage.replace("_", "-")
        self._id: UUID | None = None
        self._next = time.monotonic() + _SECONDS_BETWEEN_ARTIFACTS

    def update(self, percent: float, loss: float) -> None:
        if time.monotonic() < self._next and (self._id is None or percent < 100):
            return
        self._next = time.monotonic() + _SECONDS_BETWEEN_ARTIFACTS
        description = f"{percent:.0f} %, loss {loss:.3f}"
        try_report("the progress", lambda: self._send(percent, description), patient=False)

    def _send(self, percent: float, description: str) -> None:
        if self._id is None:
            artifact_id = create_progress_artifact(percent, key=self._key, description=description)
            self._id = artifact_id if isinstance(artifact_id, UUID) else None
        else:
            update_progress_artifact(self._id, progress=percent, description=description)
