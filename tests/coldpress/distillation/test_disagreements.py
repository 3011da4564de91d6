"""Answers against the labels of the training rows, by class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldpress.benchmark.loading import Benchmark
from coldpress.data.splits import Split, row_ids
from coldpress.distillation.disagreements import (
    find_disagreements,
    read_disagreements,
    write_disagreements,
)
from coldpress.kinds import KINDS, TEXT_CLASSIFICATION
from coldpress.teacher.answers.answers import Answers
from coldpress.teacher.answers.table import AnswerTable, TextKey

TEXTS = ("a", "b", "c", "d", "e")
SPLIT = Split(row_ids(TEXTS, None), TEXTS, None, (0, 0, 0, 1, 1))
BENCHMARK = Benchmark(TEXT_CLASSIFICATION, ("cold", "warm"), SPLIT, SPLIT, SPLIT, "", 0)
WARM = {"a": 0.1, "b": 0.6, "c": 0.9, "d": 0.8}  # e has no answer
OUTPUTS: dict[TextKey, NDArray[np.float32]] = {
    (text,): np.log([[1 - p, p]]).astype(np.float32) for text, p in WARM.items()
}
TABLE = AnswerTable("here", OUTPUTS)
ANSWERS = Answers(TABLE, TABLE, None, None)


def test_the_class_with_the_largest_share_comes_first(tmp_path: Path) -> None:
    cold, warm = find_disagreements(ANSWERS, BENCHMARK)
    assert (cold.label, cold.n, cold.different, cold.most_frequent) == ("cold", 3, 2, "warm")
    assert [(e.text, e.answer, round(e.probability, 3)) for e in cold.examples] == [
        ("c", "warm", 0.9),
        ("b", "warm", 0.6),
    ]
    assert (warm.label, warm.n, warm.different, warm.most_frequent) == ("warm", 1, 0, None)
    write_disagreements((cold, warm), tmp_path)
    assert read_disagreements(tmp_path) == (cold, warm)


def test_without_labels_or_classes_there_is_nothing_to_compare(tmp_path: Path) -> None:
    unlabelled = replace(BENCHMARK, train=replace(SPLIT, targets=()))
    assert find_disagreements(ANSWERS, unlabelled) == ()
    assert find_disagreements(ANSWERS, replace(BENCHMARK, kind=KINDS["regression"])) == ()
    assert read_disagreements(tmp_path) == ()
