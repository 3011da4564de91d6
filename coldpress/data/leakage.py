"""Detection of test and validation texts among the rows that a model trains on."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from coldpress.data.splits import Split


@dataclass(frozen=True)
class FilteredRows:
    """Training rows without leaked ones, and how many of those were removed.

    Attributes:
        rows: Rows whose texts are neither in test nor in validation.
        test: Number of removed rows whose text is a test text.
        validation: Number of removed rows whose text is a validation text.
    """

    rows: Split
    test: int
    validation: int


def text_keys(split: Split) -> list[tuple[str, str]]:
    """Return a key for each row that is equal for rows with the same texts.

    Texts count as the same if they differ only in case, in white space or in their Unicode form
    (NFKC). The order of a pair matters. The second text is empty for rows that are not pairs.
    """
    pairs = split.pairs or ("",) * len(split)
    return [
        (_normalize(text), _normalize(pair)) for text, pair in zip(split.texts, pairs, strict=True)
    ]


def count_overlap(training: Sequence[Split], evaluation: Split) -> int:
    """Count the evaluation rows whose texts also occur in a training split.

    Args:
        training: Splits that a model is trained or selected on.
        evaluation: Rows that it is evaluated on.
    """
    known_keys = {key for split in training for key in text_keys(split)}
    return sum(key in known_keys for key in text_keys(evaluation))


def remove_leaked_rows(rows: Split, test: Split, validation: Split) -> FilteredRows:
    """Remove the rows whose texts occur in the test or validation split.

    Args:
        rows: Rows to train on.
        test: See `collect_keys`.
        validation: See `collect_keys`.

    Returns:
        The remaining rows, and how many were removed; a text of both splits counts as test.
    """
    return collect_keys(test, validation).remove_from(rows)


@dataclass(frozen=True)
class EvaluationKeys:
    """Keys of the texts that models are not trained on.

    Attributes:
        test: Keys of test rows.
        validation: Keys of validation rows that are not in `test`.
        only_first: Whether only the first texts of pairs are compared.
    """

    test: frozenset[tuple[str, str]]
    validation: frozenset[tuple[str, str]]
    only_first: bool

    def remove_from(self, rows: Split) -> FilteredRows:
        """Remove the rows whose texts have one of the keys.

        Args:
            rows: Rows to train on, or a part of them.
        """
        keys = _row_keys(replace(rows, pairs=None) if self.only_first else rows)
        in_test = np.asarray([not self.test.isdisjoint(of_row) for of_row in keys], bool)
        in_validation = np.asarray(
            [not self.validation.isdisjoint(of_row) for of_row in keys], bool
        )
        leaked = in_test | in_validation
        return FilteredRows(
            rows.take(np.flatnonzero(~leaked)) if leaked.any() else rows,
            test=int(in_test.sum()),
            validation=int((in_validation & ~in_test).sum()),
        )


def collect_keys(test: Split, validation: Split) -> EvaluationKeys:
    """Return the keys of the texts of two splits.

    Args:
        test: Rows that the final model is evaluated on. If these are single texts, such as queries,
            only the first texts of pairs are compared.
        validation: Rows that epochs and the temperature are selected on.
    """
    test_keys = frozenset(text_keys(test))
    validation_keys = frozenset(text_keys(validation)) - test_keys
    return EvaluationKeys(test_keys, validation_keys, only_first=test.pairs is None)


def _row_keys(rows: Split) -> list[set[tuple[str, str]]]:
    """Return the keys of each row: of its texts, and of the text that it is a translation of."""
    keys = [{key} for key in text_keys(rows)]
    if rows.sources is None:
        return keys
    sources = text_keys(replace(rows, texts=rows.sources))
    return [of_row | {source} for of_row, source in zip(keys, sources, strict=True)]


def _normalize(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
