"""The outputs of a teacher that is run, in the place of answers from files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldpress.benchmark.loading import Benchmark
from coldpress.data.splits import Split
from coldpress.teacher.answers.table import AnsweredRows
from coldpress.teacher.outputs import checks
from coldpress.teacher.outputs.model import OutputsModel, load_outputs_model
from coldpress.teacher.outputs.section import OutputsTeacher, ZeroShotTeacher
from coldpress.teacher.outputs.zero_shot import ZeroShotModel
from coldpress.teacher.pretrained import download_model, pretrained_place


@dataclass(frozen=True)
class ComputedAnswers:
    """A teacher's outputs, computed when they are asked for.

    Attributes:
        outputs: From a split to shape (units, outputs).
        model: The model, to time it; None if a text takes several passes.
        has_test: True: the test rows can be computed, too.
    """

    outputs: Callable[[Split], NDArray[np.float32]]
    model: OutputsModel | None
    has_test: bool = True

    def training_rows(self, benchmark: Benchmark, unlabelled: Split | None) -> list[AnsweredRows]:
        """Compute the outputs of all rows that a student learns from.

        Args:
            benchmark: Its training rows are used.
            unlabelled: Further rows; None without.
        """
        splits = [benchmark.train] if unlabelled is None else [benchmark.train, unlabelled]
        return [self._answer(split) for split in splits]

    def _answer(self, split: Split) -> AnsweredRows:
        counts = np.cumsum(split.units or np.ones(len(split), dtype=np.int64))[:-1]
        return AnsweredRows(split, np.split(self.outputs(split), counts), frozenset())

    def answered_validation(self, split: Split) -> Split:
        """Return the validation split: each row has an answer.

        Args:
            split: The validation split.
        """
        return split

    def for_evaluation(self, split: Split) -> NDArray[np.float32]:
        """Compute the outputs for rows of the test or validation split.

        Args:
            split: Rows of one of them.

        Returns:
            Shape (units, outputs).
        """
        return self.outputs(split)


def load_outputs_teacher(
    teacher: OutputsTeacher | ZeroShotTeacher, benchmark: Benchmark, max_tokens: int
) -> ComputedAnswers:
    """Load a model that is run for its outputs.

    Args:
        teacher: The recipe's section.
        benchmark: With the task kind and the labels.
        max_tokens: Longer texts are truncated to this length, or to the model's own limit.

    Raises:
        InputError: It cannot be loaded, or has other outputs.
    """
    directory = download_model(teacher.model)
    place = pretrained_place(teacher.model)
    kind = benchmark.kind
    config = checks.check_files(directory, kind, place)
    model = load_outputs_model(directory, kind, max_tokens, place)
    if isinstance(teacher, ZeroShotTeacher):
        hypotheses = [teacher.labels[label] for label in benchmark.labels]
        columns = checks.inference_columns(config, place)
        return ComputedAnswers(ZeroShotModel(model, hypotheses, *columns, kind).outputs, None)
    order = checks.output_columns(teacher, config, benchmark, place)

    def outputs(split: Split) -> NDArray[np.float32]:
        return model.outputs(model.encode(split))[:, order]

    return ComputedAnswers(outputs, model)
