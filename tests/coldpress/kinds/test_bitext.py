"""Bitext retrieval: two texts with two translations each, and a third with only the first.

Pairs in order: text 0 in language 1 and 2, text 1 in language 1 and 2, text 2 in language 1.
"""

from __future__ import annotations

import numpy as np
import pytest

from coldpress.data.splits import Split, row_ids
from coldpress.evaluation.statistics.comparison import compare_outputs
from coldpress.kinds import task_kind
from coldpress.kinds.bitext import BitextRetrieval

KIND = BitextRetrieval()
NAMES = ("vector",)
TARGETS = np.array([[0, 0, 0], [0, 1, 1], [4, 0, 2], [4, 1, 3], [7, 0, 4]])
# Language 1: text 0 finds its translation, text 1 that of text 2, text 2 its own; backwards all do.
# Language 2: both find each other's.
OUTPUTS = np.array([[0, 0], [3, 3], [4, 2], [1, 1], [4, 4]], dtype=np.float32)


def test_a_text_searches_the_texts_of_one_language_only() -> None:
    """In language 2 the vectors are swapped; across languages they would be found."""
    texts = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1], [1, 1]])
    translations = np.array([[2.0, 0], [0, 3], [0.5, 1], [3, 0], [0.5, 0.5]])
    nearest = KIND.compare_vectors(texts, translations, TARGETS)
    assert nearest.tolist() == [[0, 0], [3, 3], [2, 4], [1, 1], [4, 4]]


def test_scores_are_shares_of_both_directions_and_of_each() -> None:
    scores = KIND.scores(OUTPUTS, TARGETS)
    assert scores == {"rank1": 0.5, "rank1_to_translation": 0.4, "rank1_to_source": 0.6}
    assert list(scores) == [metric.name for metric in KIND.metrics]
    assert KIND.main_score(OUTPUTS, TARGETS) == 0.5


def test_the_sample_is_the_text_with_all_of_its_translations() -> None:
    assert KIND.samples(TARGETS).tolist() == [0, 0, 1, 1, 2]
    assert KIND.counts(OUTPUTS, TARGETS).tolist() == [[2, 4], [1, 4], [2, 2]]
    assert KIND.sample_scores(OUTPUTS, TARGETS, 1.0).tolist() == [0.5, 0.25, 1.0]
    texts = ("oil", "oil", "stone", "stone", "press")
    split = Split(row_ids(texts, None), texts, None, tuple(map(tuple, TARGETS.tolist())))
    assert KIND.split_samples(split).texts == ("oil", "stone", "press")


def test_groups_are_the_directions_of_each_language() -> None:
    groups = KIND.target_groups(OUTPUTS, TARGETS, NAMES, 1.0)
    assert [(group.name, group.scores.tolist()) for group in groups] == [
        ("source to translation 1", [1, 0, 1]),
        ("translation 1 to source", [1, 1, 1]),
        ("source to translation 2", [0, 0]),
        ("translation 2 to source", [0, 0]),
    ]
    items = [item for group in groups for item in group.items]
    assert len(set(items)) == len(items) == 10


def test_agreement_and_texts_of_reports() -> None:
    other = OUTPUTS.copy()
    other[0] = [2, 4]
    assert KIND.agreement(OUTPUTS, other, TARGETS) == pytest.approx(0.8)
    assert KIND.prediction_texts(OUTPUTS, TARGETS, NAMES) == [
        "2 of 4 found at rank 1",
        "1 of 4 found at rank 1",
        "2 of 2 found at rank 1",
    ]
    assert KIND.target_texts(TARGETS, NAMES) == [
        "translations 1, 2",
        "translations 1, 2",
        "translations 1",
    ]


def test_texts_are_resampled_whole() -> None:
    comparison = compare_outputs(("a", "b"), KIND, OUTPUTS, OUTPUTS, TARGETS)
    assert comparison.n == 3
    assert comparison.difference.estimate == 0


def test_the_kind_is_found_by_the_name_in_files() -> None:
    assert task_kind("sentence-embedding-bitext").name == KIND.name


def test_new_texts_have_no_targets() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert KIND.samples(none).tolist() == []
    assert KIND.target_texts(none, NAMES) == []
