"""The answers of a teacher for all splits of a benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from coldpress.benchmark.loading import Benchmark
from coldpress.data.splits import Split
from coldpress.kinds.vectors import learns_vectors
from coldpress.teacher.answers.table import AnsweredRows, AnswerTable


@dataclass(frozen=True)
class Coverage:
    """How many rows of a split there are, and how many have an answer."""

    rows: int
    answered: int


class TeacherAnswers(Protocol):
    """The outputs of a teacher whose weights are not registered: from files, or computed."""

    @property
    def has_test(self) -> bool:
        """True if the test rows have answers, too."""

    def training_rows(self, benchmark: Benchmark, unlabelled: Split | None) -> list[AnsweredRows]:
        """Return the rows that a student can learn from, with their answers.

        Args:
            benchmark: Its training rows are used.
            unlabelled: Further rows; None without.
        """

    def answered_validation(self, split: Split) -> Split:
        """Return the rows of the validation split that have an answer.

        Args:
            split: The validation split.
        """

    def for_evaluation(self, split: Split) -> NDArray[np.float32]:
        """Return the outputs for rows of the test or validation split, shape (units, outputs).

        Args:
            split: Rows of one of them.
        """


@dataclass(frozen=True)
class Answers:
    """The answers of a teacher, by split.

    Attributes:
        train: For the training rows.
        validation: For the validation rows; None if there are none.
        test: For the test rows and the texts that they are compared with; None without a file.
        unlabelled: For the unlabelled rows; None without a file.
    """

    train: AnswerTable
    validation: AnswerTable | None
    test: AnswerTable | None
    unlabelled: AnswerTable | None

    @property
    def has_test(self) -> bool:
        """True if there is a file for the test rows."""
        return self.test is not None

    def coverage(self, benchmark: Benchmark, unlabelled: Split | None) -> dict[str, Coverage]:
        """Count the rows that have an answer, by split.

        Args:
            benchmark: Its rows are answered.
            unlabelled: Further rows; None without.
        """
        parts = {
            "train": (self.train, benchmark.train),
            "validation": (self.validation, benchmark.validation),
            "test": (self.test, benchmark.test),
            "unlabelled": (self.unlabelled, unlabelled),
        }
        return {
            name: Coverage(len(split), len(table.select(split).split))
            for name, (table, split) in parts.items()
            if table is not None and split is not None
        }

    def training_rows(self, benchmark: Benchmark, unlabelled: Split | None) -> list[AnsweredRows]:
        """Return the rows that a student can learn from, with their answers.

        Args:
            benchmark: Its training rows are used; those for validation, too, if their vectors take
                the place of targets.
            unlabelled: Further rows; None without.
        """
        parts = [(self.train, benchmark.train)]
        if unlabelled is not None and self.unlabelled is not None:
            parts.append((self.unlabelled, unlabelled))
        if learns_vectors(benchmark.kind) and self.validation is not None:
            parts.append((self.validation, benchmark.validation))
        return [table.select(split) for table, split in parts]

    def answered_validation(self, split: Split) -> Split:
        """Return the rows of the validation split that have an answer.

        Args:
            split: The validation split.
        """
        return split if self.validation is None else self.validation.select(split).split

    def for_evaluation(self, split: Split) -> NDArray[np.float32]:
        """Return the outputs for rows of the test or validation split.

        Args:
            split: Rows of one of them, or the texts that test rows are compared with.

        Returns:
            Shape (units, outputs).

        Raises:
            InputError: A row has no answer.
        """
        tables = [table for table in (self.test, self.validation) if table is not None]
        complete = next((t for t in tables if not t.select(split).unanswered), tables[0])
        return complete.for_split(split)
