"""Batches of rows that need no padding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from coldpress.data.encoding import Batch, EncodedSplit


def unpadded_batches(rows: EncodedSplit, batch_size: int) -> Iterator[Batch]:
    """Yield every row once, in batches of rows with the same number of tokens.

    Args:
        rows: Tokenized rows.
        batch_size: Most rows of a batch.

    Yields:
        Batches, the shortest rows first; `rows` of each maps its results back to the split.
    """
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for row, ids in enumerate(rows.input_ids):
        by_length[len(ids)].append(row)
    for _, numbers in sorted(by_length.items()):
        for start in range(0, len(numbers), batch_size):
            yield rows.batch(numbers[start : start + batch_size])
