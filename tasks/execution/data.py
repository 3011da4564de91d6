"""The benchmark of a recipe, read once a process."""

import hashlib
import json
from functools import cache

from coldpress.data import benchmark as library
from coldpress.data.leakage import FilteredRows
from coldpress.data.splits import Split
from coldpress.evaluation.subgroups import slices
from coldpress.recipe.recipe import Recipe


def load_transfer_set(recipe: Recipe) -> Split:
    """Return what the student learns from: the training rows, then the unlabelled ones."""
    return library.transfer_set(load_benchmark(recipe), load_unlabelled(recipe))


def load_unlabelled(recipe: Recipe) -> FilteredRows | None:
    """Return the unlabelled rows, if there are any, without test and validation texts."""
    path = recipe.soft_targets.unlabelled
    if path is None:
        return None
    return library.read_filtered_unlabelled(load_benchmark(recipe), path, recipe.benchmark.columns)


def unlabelled_digest(recipe: Recipe) -> str | None:
    """sha256 of the unlabelled file, wherever it lies."""
    path = recipe.soft_targets.unlabelled
    return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()


def columns_digest(recipe: Recipe) -> str:
    """sha256 of what slices need beside texts and labels; no digest of the benchmark has it."""
    columns = load_benchmark(recipe).test.columns
    return hashlib.sha256(json.dumps(columns, sort_keys=True).encode()).hexdigest()


def load_benchmark(recipe: Recipe) -> library.Benchmark:
    """Read and check a recipe's dataset.

    Args:
        recipe: Names the source, the columns, those that slices need, and the seed of the
            validation cut.

    Returns:
        The checked benchmark.

    Raises:
        InputError: Names the file and row that cannot be used.
    """
    return _load(recipe.benchmark, recipe.seed, slices.required_columns(recipe.evaluate.slices))


_load = cache(library.load_benchmark)
