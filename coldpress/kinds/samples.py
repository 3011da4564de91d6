"""Samples of a split: which rows belong to each, and splits that keep samples whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coldpress.data.splits import Split, stratified_split
from coldpress.kinds.grouped import GroupedKind
from coldpress.kinds.kind import TargetArray, TaskKind


def row_samples(kind: TaskKind, targets: TargetArray, rows: int) -> NDArray[np.int64]:
    """Return the number of each row's sample, shape (rows,).

    A sample is a single row, whatever its units are, or several whole rows, which are its units.

    Args:
        kind: Task kind of the rows.
        targets: One per unit.
        rows: Number of rows.
    """
    samples = kind.samples(targets)
    return np.arange(rows) if int(samples.max(initial=-1)) + 1 == rows else samples


def split_row_samples(kind: TaskKind, split: Split) -> NDArray[np.int64]:
    """Return the number of each row's sample, with or without targets, shape (rows,).

    Args:
        kind: Task kind of the rows.
        split: Without targets, rows with the same first text are one sample if samples have several
            rows.
    """
    if split.targets:
        return row_samples(kind, split.target_array, len(split))
    if isinstance(kind, GroupedKind):
        return np.asarray(np.unique(split.texts, return_inverse=True)[1], dtype=np.int64)
    return np.arange(len(split))


def sample_noun(kind: TaskKind) -> str:
    """Return the name of test samples in sentences: `texts`, or what else is independent."""
    return "texts" if kind.samples_title == "rows" else kind.samples_title


def evaluable_rows(kind: TaskKind, split: Split) -> Split:
    """Return the rows of the samples that say something about a model's quality.

    Args:
        kind: Task kind of the rows.
        split: Labelled rows.
    """
    strata = kind.strata(split.targets)
    return take_samples(kind, split, [n for n, stratum in enumerate(strata) if stratum is not None])


def take_samples(kind: TaskKind, split: Split, samples: Sequence[int]) -> Split:
    """Return all rows of some samples, in the order of the split.

    Args:
        kind: Task kind of the rows.
        split: Labelled rows.
        samples: Numbers of samples.
    """
    numbers = row_samples(kind, split.target_array, len(split))
    return split.take(np.flatnonzero(np.isin(numbers, samples)).tolist())


def split_by_sample(kind: TaskKind, split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Split off a share of the samples, each with all of its rows, stratified.

    Args:
        kind: Task kind of the rows; it gives the strata.
        split: Labelled rows.
        share: See `stratified_split`.
        seed: See `stratified_split`.

    Returns:
        The rows that stay, and those split off.
    """
    ids = kind.split_samples(split).ids
    parts = stratified_split(ids, kind.strata(split.targets), share, seed)
    remaining, selected = (take_samples(kind, split, samples) for samples in parts)
    return remaining, selected
