"""Batches of training rows: similar lengths together, and the rows of a sample if a loss asks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray

from coldpress.data.encoding import Batch, EncodedSplit
from coldpress.kinds.grouped import GroupedKind, training_samples
from coldpress.kinds.kind import TaskKind

_BATCHES_PER_GROUP = 50  # rows are sorted by length within groups of this many batches


@dataclass(frozen=True)
class BatchPlan:
    """How training rows are divided into batches; each iteration yields those of an epoch.

    Attributes:
        rows: The training rows.
        batch_size: Most rows of a batch.
        whole: Row numbers of batches that keep samples whole; None if any rows may share a batch.
    """

    rows: EncodedSplit
    batch_size: int
    whole: tuple[tuple[int, ...], ...] | None = None

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        if self.whole is not None:
            return len(self.whole)
        return math.ceil(len(self.rows) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield every row once, in another order each time."""
        batches: Sequence[Sequence[int]] = self.whole or self._group_by_length()
        for index in torch.randperm(len(batches)).tolist():
            yield self.rows.batch(batches[index])

    def _group_by_length(self) -> list[list[int]]:
        """Shuffle, then sort by length within groups of 50 batches: little padding, random."""
        shuffled = torch.randperm(len(self.rows)).tolist()
        group_size = self.batch_size * _BATCHES_PER_GROUP
        batches: list[list[int]] = []
        for start in range(0, len(shuffled), group_size):
            group = shuffled[start : start + group_size]
            group.sort(key=lambda row: len(self.rows.input_ids[row]))
            batches += [
                group[i : i + self.batch_size] for i in range(0, len(group), self.batch_size)
            ]
        return batches


def plan_batches(kind: TaskKind, rows: EncodedSplit, batch_size: int) -> BatchPlan:
    """Plan the batches of the epochs to come.

    Args:
        kind: A `GroupedKind` keeps the rows of a sample together. Which samples share a batch is
            then drawn once, since it decides how many batches there are.
        rows: Training rows.
        batch_size: Most rows of a batch; a sample with more is divided evenly.
    """
    if not isinstance(kind, GroupedKind):
        return BatchPlan(rows, batch_size)
    samples = training_samples(kind, rows.targets, len(rows))
    pieces = _pieces(samples, batch_size)
    pieces.sort(key=lambda piece: max(len(rows.input_ids[row]) for row in piece))
    return BatchPlan(rows, batch_size, tuple(_fill_batches(pieces, batch_size)))


def _pieces(samples: NDArray[np.int64], batch_size: int) -> list[list[int]]:
    """Return the rows of each sample in random order, in as few pieces as the size allows."""
    shuffled = torch.randperm(len(samples)).numpy()
    members: dict[int, list[int]] = {}
    for row in shuffled.tolist():
        members.setdefault(int(samples[row]), []).append(row)
    return [
        part.tolist()
        for piece in members.values()
        for part in np.array_split(piece, math.ceil(len(piece) / batch_size))
    ]


def _fill_batches(pieces: Sequence[list[int]], batch_size: int) -> Iterator[tuple[int, ...]]:
    """Put pieces into batches in their order, as many as fit."""
    batch: list[list[int]] = []
    for piece in pieces:
        if batch and sum(map(len, batch)) + len(piece) > batch_size:
            yield tuple(chain.from_iterable(batch))
            batch = []
        batch.append(piece)
    yield tuple(chain.from_iterable(batch))
