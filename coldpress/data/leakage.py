"""Find texts of the test and validation rows where they must not be learned from."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from coldpress.data.splits import Split


@dataclass(frozen=True)
class FilteredRows:
    """Rows to learn from, and how many were left out.

    Attributes:
        rows: Those whose texts are neither in test nor in validation.
        test: Rows that were left out because their text is a test text.
        validation: Rows that were left out because their text is a validation text.
    """

    rows: Split
    test: int
    validation: int


def text_keys(split: Split) -> list[tuple[str, str]]:
    """Name every row by its texts as they are compared.

    Two texts count as the same when they differ in capitals, in white space, or in how Unicode
    writes a character (NFKC) alone. The texts of a pair count in their order.

    Args:
        split: Any rows.

    Returns:
        One key a row; the second text is empty where there is none.
    """
    pairs = split.pairs or ("",) * len(split)
    return [
        (_normalize(text), _normalize(pair)) for text, pair in zip(split.texts, pairs, strict=True)
    ]


def count_overlap(seen: Sequence[Split], judged: Split) -> int:
    """Count rows to be judged on whose texts are among others.

    Args:
        seen: Rows that are learned from.
        judged: Rows to judge on.

    Returns:
        How many of them have texts that are in `seen` too.
    """
    known = {key for split in seen for key in text_keys(split)}
    return sum(key in known for key in text_keys(judged))


def remove_leaked_rows(rows: Split, test: Split, validation: Split) -> FilteredRows:
    """Leave rows out that a model is judged or chosen by.

    Args:
        rows: Rows to learn from.
        test: Rows that the final model is judged on.
        validation: Rows that epochs and the temperature are chosen by.

    Returns:
        The other rows, and how many were left out.
    """
    of_test, of_validation = set(text_keys(test)), set(text_keys(validation)) - set(text_keys(test))
    named, known = text_keys(rows), of_test | of_validation
    stay = [row for row, key in enumerate(named) if key not in known]
    return FilteredRows(
        rows.take(stay),
        test=sum(key in of_test for key in named),
        validation=sum(key in of_validation for key in named),
    )


def _normalize(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
