"""Answers by the texts of their rows, and the rows of a split that have one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldpress.data.splits import Split
from coldpress.errors import InputError

TextKey = tuple[str, ...]
"""The texts of a row: one, or two of a pair."""


@dataclass(frozen=True)
class AnsweredRows:
    """Rows with their answers.

    Attributes:
        split: Rows that have an answer.
        outputs: For each row, shape (units, outputs).
        unanswered: Ids of the rows that have none.
    """

    split: Split
    outputs: Sequence[NDArray[np.float32]]
    unanswered: frozenset[str]


@dataclass(frozen=True)
class AnswerTable:
    """The answers of one file.

    Attributes:
        location: The recipe's field and the file, for messages.
        outputs: By the texts of a row, shape (units, outputs).
    """

    location: str
    outputs: Mapping[TextKey, NDArray[np.float32]]

    def select(self, split: Split) -> AnsweredRows:
        """Return the rows that have an answer, and the ids of the others."""
        keys = text_keys(split)
        rows = [row for row, key in enumerate(keys) if key in self.outputs]
        unanswered = frozenset(split.ids) - {split.ids[row] for row in rows}
        return AnsweredRows(split.take(rows), [self.outputs[keys[row]] for row in rows], unanswered)

    def for_split(self, split: Split) -> NDArray[np.float32]:
        """Return the outputs of all rows of a split, shape (units, outputs).

        Raises:
            InputError: A row has no answer.
        """
        self.check_unanswered(split, 0.0)
        return np.concatenate([self.outputs[key] for key in text_keys(split)])

    def check_unanswered(self, split: Split, limit: float, hint: str = "") -> None:
        """Check the share of rows without an answer.

        Args:
            split: The rows.
            limit: Largest share.
            hint: End of the message.

        Raises:
            InputError: The share is larger.
        """
        keys = text_keys(split)
        absent = [key for key in keys if key not in self.outputs]
        if len(absent) > limit * len(keys):
            raise InputError(
                f"{self.location}: {len(absent)} of {len(keys)} rows have no answer, such as"
                f" {absent[0][0][:80]!r}{hint}"
            )


def text_keys(split: Split) -> list[TextKey]:
    """Return the texts of each row, which an answer is looked up by.

    A text with a source, such as a translation, has the answer of its source.
    """
    if split.pairs is not None or split.sources is None:
        return split.row_texts
    return [(text,) for text in split.sources]
