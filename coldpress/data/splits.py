"""The rows of a split, their names, and a cut that every machine and library version cuts alike."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Split:
    """Rows of one split, column by column.

    Attributes:
        ids: One stable id a row, derived from its texts (and from how often they came before).
        texts: First texts.
        pairs: Second texts, or None for a single-text benchmark.
        labels: Index into `Benchmark.labels` for each row; empty for unlabelled rows.
        columns: What else is known of each test row, by column, to slice by; None is unknown.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None
    labels: tuple[int, ...]
    columns: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ids)

    @property
    def all_texts(self) -> tuple[str, ...]:
        """First texts, then second ones."""
        return self.texts + (self.pairs or ())

    def take(self, rows: Sequence[int]) -> Split:
        """Return some of the rows.

        Args:
            rows: Row numbers.

        Returns:
            A split of these rows in this order.
        """
        return Split(
            ids=tuple(self.ids[row] for row in rows),
            texts=tuple(self.texts[row] for row in rows),
            pairs=None if self.pairs is None else tuple(self.pairs[row] for row in rows),
            labels=tuple(self.labels[row] for row in rows) if self.labels else (),
            columns={n: tuple(values[row] for row in rows) for n, values in self.columns.items()},
        )

    def followed_by(self, more: Split) -> Split:
        """Put more rows behind these, each text once.

        Args:
            more: Rows of the same kind, with labels or without.

        Returns:
            A split whose labels, where it is not all rows that have some, belong to its first.
        """
        known = set(self.ids)
        new = more.take([row for row, name in enumerate(more.ids) if name not in known])
        pairs = None if self.pairs is None else self.pairs + (new.pairs or ())
        nothing = (None,) * len(new)
        return Split(
            ids=self.ids + new.ids,
            texts=self.texts + new.texts,
            pairs=pairs,
            labels=self.labels + new.labels,
            columns={name: values + nothing for name, values in self.columns.items()},
        )


def row_ids(texts: Sequence[str], pairs: Sequence[str] | None) -> tuple[str, ...]:
    """Name every row by what it says.

    Args:
        texts: First texts.
        pairs: Second texts, if there are any.

    Returns:
        16 hexadecimal digits a row, from its texts and from how often they came before.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    ids = []
    for key in zip(texts, *([] if pairs is None else [pairs]), strict=True):
        ids.append(_sha256([*key, seen[key]])[:16])
        seen[key] += 1
    return tuple(ids)


def stratified_split(
    ids: Sequence[str], labels: Sequence[int], share: float, seed: int
) -> tuple[list[int], list[int]]:
    """Cut a share of the rows off, class by class.

    Rows are drawn by the hash of seed and id, so that a row added elsewhere moves few others. Of
    every class at least one row stays; quotas are rounded by the largest remainder.

    Args:
        ids: One id a row.
        labels: One class a row.
        share: What to cut off, at most a half.
        seed: Decides which rows.

    Returns:
        Row numbers that stay and row numbers that are cut off, both ascending.
    """
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row, label in enumerate(labels):
        members[label].append(row)
    quotas = _quotas({label: len(rows) for label, rows in members.items()}, share)
    cut = {
        row
        for label, rows in members.items()
        for row in sorted(rows, key=lambda row: _sha256([seed, ids[row]]))[: quotas[label]]
    }
    return [row for row in range(len(ids)) if row not in cut], sorted(cut)


def _quotas(sizes: dict[int, int], share: float) -> dict[int, int]:
    """Rows to cut off each class: at most all but one, in total the share of all rows."""
    quotas = {label: int(size * share) for label, size in sizes.items()}
    missing = max(1, round(sum(sizes.values()) * share)) - sum(quotas.values())
    by_remainder = sorted(sizes, key=lambda label: (-(sizes[label] * share % 1), label))
    for label in by_remainder:
        if missing > 0 and quotas[label] < sizes[label] - 1:
            quotas[label] += 1
            missing -= 1
    return quotas


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
