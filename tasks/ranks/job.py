"""What ranks are to compute, what they report meanwhile, and what they return: all as JSON."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from coldpress.recipe.recipe import Recipe
from coldpress.schema.stages import Stage

Curve = list[tuple[int, float, float, float]]
"""Number, loss, validation score and seconds of each epoch."""

_LONGEST_MESSAGE = 3000  # with its surroundings below the size that a pipe writes as a whole


class Job(BaseModel):
    """One stage for all ranks.

    Attributes:
        stage: Name of the stage.
        body: Module and function, as in `tasks.bodies.prune:prune`.
        recipe: The whole recipe.
        dataset: Digest of the rows that the stage's cache key was computed with.
        inputs: Directories of the input checkpoints.
        folder: Where the ranks meet and write.
        target: Where the first rank writes the checkpoint.
    """

    model_config = ConfigDict(frozen=True)

    stage: Stage
    body: str
    recipe: Recipe
    dataset: str
    inputs: tuple[Path, ...]
    folder: Path
    target: Path

    @property
    def file(self) -> Path:
        """The job itself."""
        return self.folder / "job.json"

    @property
    def result(self) -> Path:
        """What the body returns."""
        return self.folder / "result.json"


class Result(BaseModel):
    """What a body returns beside its checkpoint.

    Attributes:
        metrics: Of the stage.
        curves: Training curves by their name.
        metric: Name of the curves' validation score.
    """

    metrics: dict[str, float]
    curves: dict[str, Curve]
    metric: str


@dataclass(frozen=True)
class Progress:
    """A training step was done."""

    step: int
    steps: int
    loss: float


@dataclass(frozen=True)
class Failure:
    """A rank failed.

    Attributes:
        rank: Its number.
        error: Name of the exception's class.
        message: Its text.
    """

    rank: int
    error: str
    message: str


@dataclass(frozen=True)
class Ended:
    """A rank ended, with an exit code other than 0; negative: by this signal."""

    rank: int
    code: int


Message = Progress | Failure | Ended
_TYPES: dict[str, Any] = {cls.__name__: cls for cls in (Progress, Failure, Ended)}


def send(message: Message, pipe: int) -> None:
    """Write a message as one line, which those of other ranks cannot break.

    Args:
        message: What happened.
        pipe: File descriptor.
    """
    values = [v[:_LONGEST_MESSAGE] if isinstance(v, str) else v for v in vars(message).values()]
    line = json.dumps([type(message).__name__, *values], ensure_ascii=False) + "\n"
    os.write(pipe, line.encode())


def read(line: str) -> Message:
    """Return the message of a line."""
    name, *values = json.loads(line)
    message: Message = _TYPES[name](*values)
    return message
