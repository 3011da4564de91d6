"""The file of `--json`: written at the end of a command, however it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli.output_files import (
    check_not_input,
    is_input,
    is_stream,
    validate_output_path,
    write_atomic,
)
from tasks.environment import deferred_signals

if TYPE_CHECKING:
    from coldpress.recipe.recipe import Recipe


@dataclass
class OutcomeFile:
    """Where an outcome is written.

    Attributes:
        target: None if nobody asked for the file.
        inputs: Files that the command reads, which are never overwritten.
    """

    target: Path | None
    inputs: list[Path] = field(default_factory=list)

    @property
    def is_stdout(self) -> bool:
        """Whether standard output receives the JSON, and nothing else must."""
        return self.target is not None and is_stream(self.target)

    def protect_inputs(self, recipe: Recipe) -> None:
        """Check that the target is none of the files that a recipe names.

        Raises:
            InputError: It is one of them.
        """
        self.inputs += _paths_in(recipe.model_dump())
        check_not_input(self.target, self.inputs, "--json")


@contextmanager
def outcome_file(
    report: Path | None, reference: str, outcome: Mapping[str, Any]
) -> Iterator[OutcomeFile]:
    """Write an outcome at the end of the block, also if it fails.

    Args:
        report: The file, if any.
        reference: The recipe's name or path.
        outcome: Filled in by the block.

    Yields:
        The file, to tell it what it must not overwrite.

    Raises:
        InputError: The file cannot be written, or is the recipe.
    """
    target = None if report is None else validate_output_path(report, "--json")
    file = OutcomeFile(target, [path for path in (Path(reference),) if path.is_file()])
    try:
        check_not_input(target, file.inputs, "--json")
        yield file
    finally:
        if target is not None and not is_input(target, file.inputs):
            with deferred_signals.defer_signals():
                write_atomic(target, json.dumps(outcome, indent=2, allow_nan=False) + "\n")


def _paths_in(value: object) -> Iterator[Path]:
    """The paths in a recipe's fields, at any depth."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _paths_in(item)
