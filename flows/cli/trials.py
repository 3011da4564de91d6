"""The commands `search` and `sweep`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

_REPEATED = Parameter(negative=(), show_default=False)


@dataclass(frozen=True)
class SearchOptions:
    """Budget and size of a search.

    Attributes:
        budget: A bound, as in `p95_ms=0.2`, `p50_ms=0.1`, `bytes=6MB`, `retention=99%` (of the
            teacher's score, the default) or `score=0.9`; may be repeated. The first bound of a
            latency or size decides which model is the cheapest.
        trials: Number of trials, with those of earlier searches for the same recipe.
        workers: Trials at a time.
        explain: Print how much each field matters for score and costs.
    """

    budget: Annotated[tuple[str, ...], _REPEATED]
    trials: int = 40
    workers: int = 2
    explain: Annotated[bool, _REPEATED] = False


def search(
    recipe: str,
    /,
    *,
    options: Annotated[SearchOptions, Parameter(name="*")],
    assignments: Annotated[tuple[str, ...], Parameter("--set", negative=())] = (),
    json: Path | None = None,
) -> int:
    """Search for the cheapest model within a budget, and register it.

    The section `search` of the recipe says which values are tried. Models are compared on
    validation. A search that was interrupted goes on if the same command is run again.

    Args:
        recipe: Name of a recipe (see `coldpress recipes`), or path of a YAML file.
        options: Budget and size of the search.
        assignments: Change a field of the recipe, as in `distill.epochs=3`; may be repeated.
        json: Write the outcome as JSON to this file, also if the search fails.
    """
    from flows.cli.run_search import run_search

    return run_search(recipe, assignments, options, json)


def sweep(
    recipe: str,
    /,
    *,
    over: Annotated[tuple[str, ...], _REPEATED],
    workers: int = 2,
    assignments: Annotated[tuple[str, ...], Parameter("--set", negative=())] = (),
    json: Path | None = None,
) -> int:
    """Run a recipe with all combinations of some values, and compare the final models.

    Runs that differ in their seed alone are repetitions: the table has their mean and standard
    deviation, and compares each setting with the first one by a paired t-test over the seeds.

    Args:
        recipe: Name of a recipe (see `coldpress recipes`), or path of a YAML file.
        over: Values of a field, as in `seed=0..4` or `quantize.method=dynamic-int8,static-int8`;
            may be repeated.
        workers: Runs at a time.
        assignments: Change a field of the recipe, as in `distill.epochs=3`; may be repeated.
        json: Write the outcome as JSON to this file, also if the sweep fails.
    """
    from flows.cli.run_sweep import run_sweep

    return run_sweep(recipe, assignments, over, workers, json)
