"""Rows of a split, their ids, and a stratified split that is the same on every machine."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from coldpress.data.columns import join, string_array, take

Target = float | tuple[float, ...]
"""Target of one row: a class index or a number, or several of them for kinds with several."""

T = TypeVar("T")
Rows = Sequence[int] | NDArray[np.int64]
"""Row indices."""

WordSpans = tuple[tuple[int, int], ...]
"""Start and end of each word of a text, in characters."""


@dataclass(frozen=True)
class Split:
    """Rows of one split, column by column: tuples, or columns that are read when they are needed.

    Attributes:
        ids: A stable id for each row, derived from its texts (see `row_ids`).
        texts: First texts.
        pairs: Second texts, or None for a single-text benchmark.
        targets: One target for each row, such as an index into `Benchmark.labels`, or a tuple of 0
            and 1 for every label; empty for unlabelled rows.
        columns: Further columns of the test rows to slice by; None marks a missing value.
        words: Start and end of each word in the row's text, for kinds that predict each word; None
            for others. The targets of a row are then those of its words.
        sources: For each row the text whose vector it should have, such as the text that it is a
            translation of; None if that is each row's own text.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    pairs: Sequence[str] | None
    targets: tuple[Target, ...]
    columns: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    words: Sequence[WordSpans] | None = None
    sources: Sequence[str] | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ids)

    @property
    def target_array(self) -> NDArray[Any]:
        """Targets as int64 or float64, shape (rows,) or (rows, values of a target).

        If the units are words: the target of each word and the number of its row, shape (words, 2).
        """
        if self.words is not None:
            targets = np.asarray([value for row in self.targets for value in _values(row)])
            rows = number_rows([len(_values(row)) for row in self.targets])
            return np.stack([targets.astype(np.int64), rows], axis=1)
        return np.asarray(self.targets, dtype=None if self.targets else np.int64)

    @property
    def units(self) -> tuple[int, ...] | None:
        """Number of units of each row: its words; None if the units are the rows."""
        return None if self.words is None else tuple(map(len, self.words))

    @property
    def all_texts(self) -> Sequence[str]:
        """All first texts, then all second texts."""
        return join(self.texts, self.pairs or ())

    @property
    def row_texts(self) -> list[tuple[str, ...]]:
        """The texts of each row: one, or the two of a pair."""
        columns = [self.texts] if self.pairs is None else [self.texts, self.pairs]
        return list(zip(*columns, strict=True))

    def take(self, rows: Rows) -> Split:
        """Return a split of some rows.

        Args:
            rows: Row indices; the order is kept. Those of labelled rows come first.
        """
        return Split(
            ids=take(self.ids, rows),
            texts=take(self.texts, rows),
            pairs=_take(self.pairs, rows),
            targets=tuple(self.targets[row] for row in rows if row < len(self.targets)),
            columns={n: tuple(values[row] for row in rows) for n, values in self.columns.items()},
            words=_take(self.words, rows),
            sources=_take(self.sources, rows),
        )

    def concat(self, more: Split) -> Split:
        """Append the rows of another split, except those whose id is in this one.

        Args:
            more: Rows with or without labels. If they have none, the result has fewer targets than
                rows: those of its first rows.
        """
        duplicate = np.isin(string_array(more.ids), string_array(self.ids))
        new = more.take(np.flatnonzero(~duplicate)) if duplicate.any() else more
        missing = (None,) * len(new)
        return Split(
            ids=join(self.ids, new.ids),
            texts=join(self.texts, new.texts),
            pairs=None if self.pairs is None else join(self.pairs, new.pairs or ()),
            targets=self.targets + new.targets,
            columns={name: values + missing for name, values in self.columns.items()},
            words=None if self.words is None else join(self.words, new.words or ()),
            sources=self._concat_sources(new),
        )

    def _concat_sources(self, more: Split) -> Sequence[str] | None:
        if self.sources is None and more.sources is None:
            return None
        return join(self.sources or self.texts, more.sources or more.texts)


def _take(values: Sequence[T] | None, rows: Rows) -> Sequence[T] | None:
    return None if values is None else take(values, rows)


def number_rows(units: Sequence[int]) -> NDArray[np.int64]:
    """Return the row number of each unit, shape (units,).

    Args:
        units: Number of units of each row.
    """
    return np.repeat(np.arange(len(units)), np.asarray(units, dtype=np.int64))


def _values(target: Target) -> tuple[float, ...]:
    return target if isinstance(target, tuple) else (target,)


def row_ids(texts: Sequence[str], pairs: Sequence[str] | None) -> tuple[str, ...]:
    """Return a stable id for each row: 16 hexadecimal digits.

    The id is derived from the row's texts and from how often the same texts occurred before.

    Args:
        texts: First texts.
        pairs: Second texts, or None for single texts.
    """
    counts: Counter[tuple[str, ...]] = Counter()
    ids = []
    for key in zip(texts, *([] if pairs is None else [pairs]), strict=True):
        ids.append(row_id(key, counts[key]))
        counts[key] += 1
    return tuple(ids)


def row_id(texts: Sequence[str], earlier: int) -> str:
    """Return the id of one row, see `row_ids`.

    Args:
        texts: Its text, or its two texts.
        earlier: How many earlier rows have the same texts.
    """
    return _sha256([*texts, earlier])[:16]


def stratified_split(
    ids: Sequence[str], strata: Sequence[int | None], share: float, seed: int
) -> tuple[list[int], list[int]]:
    """Split off a share of the rows, stratified.

    Rows are selected by the hash of seed and id, so that adding rows moves few others. At least one
    row of each stratum stays; quotas are rounded by the largest remainder.

    Args:
        ids: Row ids.
        strata: Stratum of each row, such as its class; rows with None are never split off.
        share: Share of the rows to split off, at most 0.5.
        seed: Seed of the selection.

    Returns:
        Indices of the rows that stay and of those split off, both ascending.
    """
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row, stratum in enumerate(strata):
        if stratum is not None:
            members[stratum].append(row)
    quotas = _quotas({stratum: len(rows) for stratum, rows in members.items()}, share)
    selected = {
        row
        for stratum, rows in members.items()
        for row in sorted(rows, key=lambda row: _sha256([seed, ids[row]]))[: quotas[stratum]]
    }
    return [row for row in range(len(ids)) if row not in selected], sorted(selected)


def _quotas(sizes: dict[int, int], share: float) -> dict[int, int]:
    """Return the rows to split off per stratum: all but one at most, in total the share."""
    quotas = {stratum: int(size * share) for stratum, size in sizes.items()}
    missing = max(1, round(sum(sizes.values()) * share)) - sum(quotas.values())
    by_remainder = sorted(sizes, key=lambda key: (-(sizes[key] * share % 1), key))
    for stratum in by_remainder:
        if missing > 0 and quotas[stratum] < sizes[stratum] - 1:
            quotas[stratum] += 1
            missing -= 1
    return quotas


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
