"""Answers of several parts as soft targets; rows without an answer are not trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from coldpress.data.splits import Split, row_ids
from coldpress.distillation.answered_targets import join_answers
from coldpress.distillation.soft_targets import load_soft_targets, save_soft_targets
from coldpress.teacher.answers.table import AnswerTable

TEXTS = ("a", "b", "c")
SPLIT = Split(row_ids(TEXTS, None), TEXTS, None, (0, 1))  # c has no label
TABLE = AnswerTable(
    "here", {(text,): np.full((1, 2), n, np.float32) for n, text in enumerate("ac")}
)


def test_unanswered_rows_are_left_out_of_the_transfer_set(tmp_path: Path) -> None:
    targets = join_answers([TABLE.select(SPLIT)])
    save_soft_targets(targets, tmp_path)
    loaded = load_soft_targets(tmp_path)
    assert loaded.unanswered == {SPLIT.ids[1]}
    rows = loaded.transfer_set(SPLIT)
    assert (rows.texts, rows.targets) == (("a", "c"), (0,))
    assert loaded.for_rows(rows).tolist() == [[0.0, 0.0], [1.0, 1.0]]


def test_rows_of_several_units_have_their_numbers() -> None:
    words = Split(SPLIT.ids[:2], TEXTS[:2], None, (), words=(((0, 1), (2, 3)), ((0, 1),)))
    table = AnswerTable(
        "here", {("a",): np.zeros((2, 3), np.float32), ("b",): np.ones((1, 3), np.float32)}
    )
    targets = join_answers([table.select(words)])
    assert targets.units is not None
    assert targets.units.tolist() == [2, 1]
    assert targets.for_rows(words.take([1, 0])).tolist() == [[1.0] * 3, [0.0] * 3, [0.0] * 3]
