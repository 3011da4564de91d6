"""Names rows, and cuts a validation split that every machine and library version cuts alike."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence


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


def stratified_cut(
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
