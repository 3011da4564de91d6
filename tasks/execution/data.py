"""The benchmark of a recipe, read once a process."""

import hashlib
import json
from functools import cache

from coldpress.data import benchmark as library
from coldpress.data.leakage import Filtered
from coldpress.data.splits import Split
from coldpress.evaluation.subgroups import slices
from coldpress.recipe.recipe import Recipe


def transfer_set(recipe: Recipe) -> Split:
    """Return what the student learns from: the training rows, then the unlabelled ones."""
    return library.transfer_set(benchmark(recipe), unlabelled(recipe))


def unlabelled(recipe: Recipe) -> Filtered | None:
    """Return the unlabelled rows, if there are any, without test and validation texts."""
    path = recipe.soft_targets.unlabelled
    if path is None:
        return None
    return library.unlabelled_rows(benchmark(recipe), path, recipe.benchmark.columns)


def unlabelled_digest(recipe: Recipe) -> str | None:
    """sha256 of the unlabelled file, wherever it lies."""
    path = recipe.soft_targets.unlabelled
    return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()


def columns_digest(recipe: Recipe) -> str:
    """sha256 of what slices need beside texts and labels; no digest of the benchmark has it."""
    columns = benchmark(recipe).test.columns
    return hashlib.sha256(json.dumps(columns, sort_keys=True).encode()).hexdigest()


def benchmark(recipe: Recipe) -> library.Benchmark:
    """Read and check a recipe's dataset.

    Args:
        recipe: Names the source, the columns, those that slices need, and the seed of the
            validation cut.

    Returns:
        The checked benchmark.

    Raises:
        InputError: Names the file and row that cannot be used.
    """
    return _load(recipe.benchmark, recipe.seed, slices.columns(recipe.evaluate.slices))


_load = cache(library.load)
