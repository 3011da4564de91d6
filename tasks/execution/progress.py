"""Progress: a bar on a terminal, an artifact in Prefect, quiet in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from rich.console import Console
from rich.progress import Progress

from tasks.execution.prefect_artifacts import try_report

ProgressCallback = Callable[[int, int, float], None]
"""Told after each step: steps done, steps in all, the step's loss."""

_SECONDS_BETWEEN_ARTIFACTS = 5.0


@contextmanager
def show_progress(stage: str) -> Iterator[ProgressCallback]:
    """Show how far a stage is.

    Args:
        stage: Its name.

    Yields:
        What to tell after each step.
    """
    console = Console(file=sys.stderr)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task(stage.replace("_", " "), total=None)
        artifact = _ProgressArtifact(stage)

        def step(done: int, total: int, loss: float) -> None:
            bars.update(bar, completed=done, total=total, description=f"{stage} loss {loss:.3f}")
            artifact.update(100 * done / total, loss)

        yield step


class _ProgressArtifact:
    """A Prefect progress artifact, written rarely: each write is a call to the server."""

    def __init__(self, stage: str) -> None:
        self._key = stage.replace("_", "-")
        self._id: UUID | None = None
        self._next = time.monotonic() + _SECONDS_BETWEEN_ARTIFACTS

    def update(self, percent: float, loss: float) -> None:
        if time.monotonic() < self._next and (self._id is None or percent < 100):
            return
        self._next = time.monotonic() + _SECONDS_BETWEEN_ARTIFACTS
        said = f"{percent:.0f} %, loss {loss:.3f}"
        try_report("the progress", lambda: self._send(percent, said), patient=False)

    def _send(self, percent: float, said: str) -> None:
        if self._id is None:
            made = create_progress_artifact(percent, key=self._key, description=said)
            self._id = made if isinstance(made, UUID) else None
        else:
            update_progress_artifact(self._id, progress=percent, description=said)
