"""Training rows whose answer, from a file, is another label than the human one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter
from scipy.special import softmax

from coldpress.benchmark.loading import Benchmark
from coldpress.evaluation.scorecard.base import Fraction, FrozenRecord
from coldpress.teacher.answers.answers import Answers

MAX_EXAMPLES = 3
"""Texts per class; the surest answers come first."""

_FILE = "disagreements.json"


class DisagreementExample(FrozenRecord):
    """A training row whose answer is another label than its own.

    Attributes:
        text: Its first text.
        answer: Label with the largest probability.
        probability: Of this label.
    """

    text: str
    answer: str
    probability: Fraction


class ClassDisagreement(FrozenRecord):
    """The training rows of one class.

    Attributes:
        label: The human label.
        n: Rows that have an answer.
        different: Rows whose answer is another label.
        most_frequent: The label that these have most often; None if there are none.
        examples: Some of them.
    """

    label: str
    n: int
    different: int
    most_frequent: str | None
    examples: tuple[DisagreementExample, ...]


_RECORDS = TypeAdapter(tuple[ClassDisagreement, ...])


def find_disagreements(answers: Answers, benchmark: Benchmark) -> tuple[ClassDisagreement, ...]:
    """Compare the answers for the training rows with their labels.

    Args:
        answers: Of the teacher.
        benchmark: With the labels.

    Returns:
        One record per class, the one with the largest share of other answers first; empty without
        labels, and for kinds without classes.
    """
    if not benchmark.kind.is_classification or not benchmark.train.targets:
        return ()
    (rows, *_) = answers.training_rows(benchmark, None)
    probabilities = softmax(np.concatenate(rows.outputs), axis=1)
    targets = rows.split.target_array
    records = []
    for index, label in enumerate(benchmark.labels):
        members = np.flatnonzero(targets == index).tolist()
        different = [row for row in members if probabilities[row].argmax() != index]
        different.sort(key=lambda row: (-probabilities[row].max(), row))
        examples = [_example(rows.split.texts[r], probabilities[r], benchmark) for r in different]
        records.append(_record(label, len(members), examples))
    return tuple(sorted(records, key=lambda r: (-r.different / max(1, r.n), r.label)))


def _example(
    text: str, probabilities: np.ndarray[tuple[int, ...], np.dtype[np.float64]], data: Benchmark
) -> DisagreementExample:
    answer = int(probabilities.argmax())
    probability = min(1.0, float(probabilities[answer]))
    return DisagreementExample(text=text, answer=data.labels[answer], probability=probability)


def _record(label: str, n: int, examples: Sequence[DisagreementExample]) -> ClassDisagreement:
    names = Counter(example.answer for example in examples)
    return ClassDisagreement(
        label=label,
        n=n,
        different=len(examples),
        most_frequent=names.most_common(1)[0][0] if names else None,
        examples=tuple(examples[:MAX_EXAMPLES]),
    )


def write_disagreements(records: tuple[ClassDisagreement, ...], directory: Path) -> None:
    """Write the comparison into the directory of a checkpoint that is being written."""
    (directory / _FILE).write_bytes(_RECORDS.dump_json(records, indent=2))


def read_disagreements(directory: Path) -> tuple[ClassDisagreement, ...]:
    """Read the comparison of an evaluation; empty if there is none."""
    path = directory / _FILE
    return _RECORDS.validate_json(path.read_bytes()) if path.exists() else ()
