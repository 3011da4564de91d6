"""Drift of a ranking model: queries are compared, with all of their documents."""

from __future__ import annotations

import numpy as np
import pytest

from coldpress.data.splits import Split
from coldpress.drift.accuracy import compare_accuracy
from coldpress.drift.detect import agreement_scores, detect_drift
from coldpress.drift.observations import Observations
from coldpress.drift.profile import Profile
from coldpress.drift.vocabulary import WordCounts
from coldpress.evaluation.predictions import Predictions
from coldpress.kinds import task_kind
from coldpress.kinds.samples import split_row_samples

RANKING = task_kind("ranking")
DOCUMENTS = 5


def ranked(queries: int, seed: int, error: float = 0.3, relevant: int = 1) -> Predictions:
    """Queries of five documents; the model's scores are their relevance plus noise."""
    random = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(queries) + 1000.0 * seed, DOCUMENTS)
    relevance = np.tile(np.arange(DOCUMENTS) < relevant, queries).astype(np.float64)
    scores = (relevance + random.normal(0, error, len(relevance))).astype(np.float32)[:, None]
    ids = tuple(f"{seed}-{row}" for row in range(len(numbers)))
    targets = np.stack([numbers, relevance], axis=1)
    return Predictions(ids, RANKING, ("score",), targets, {"teacher": scores, "onnx": scores})


def observed(predictions: Predictions) -> Observations:
    rows = len(predictions.ids)
    random = np.random.default_rng(rows)
    words = WordCounts(random.integers(4, 9, rows), np.zeros(rows, dtype=np.int64))
    embeddings = random.normal(size=(rows, 4)).astype(np.float32)
    return Observations(predictions, Profile(words, embeddings))


def test_other_queries_are_independent_samples() -> None:
    change = compare_accuracy(ranked(100, 0), ranked(60, 1))
    assert change.others is not None
    assert (change.others.n, change.same, change.worse) == (60, None, False)
    assert change.metric == "ndcg_at_10"
    assert change.sentence.startswith("nDCG@10 on 60 queries outside its test split is ")


def test_a_worse_order_of_documents_is_noticed() -> None:
    assert compare_accuracy(ranked(100, 0), ranked(100, 1, error=2.0)).worse


def test_the_same_queries_are_compared_pairwise() -> None:
    before = ranked(40, 0)
    change = compare_accuracy(before, before)
    assert change.same is not None
    assert (change.same.n, change.same.difference.estimate, change.others) == (40, 0.0, None)


def test_a_query_with_another_document_is_another_sample() -> None:
    before = ranked(40, 0)
    fresh = Predictions(
        ("new", *before.ids[1:]), RANKING, ("score",), before.targets, before.outputs
    )
    change = compare_accuracy(before, fresh)
    assert change.same is not None
    assert change.others is not None
    assert (change.same.n, change.others.n) == (39, 1)


def test_more_relevant_documents_are_drift() -> None:
    result = detect_drift("find/1", observed(ranked(100, 0)), observed(ranked(80, 1, relevant=2)))
    (labels,) = [test for test in result.drift if test.way == "labels"]
    assert labels.drifted
    assert labels.effect == pytest.approx(0.2)
    assert labels.sentence == "The mean changed from 0.2 to 0.4."


def test_queries_whose_documents_resemble_each_other_have_not_drifted() -> None:
    """Only whole queries differ: a test of rows would take five documents for five texts."""
    random = np.random.default_rng(1)

    def alike(predictions: Predictions) -> Observations:
        rows = len(predictions.ids)
        lengths = np.repeat(random.integers(4, 30, rows // DOCUMENTS), DOCUMENTS)
        topics = random.normal(size=(rows // DOCUMENTS, 3)).repeat(DOCUMENTS, axis=0)
        words = WordCounts(lengths, lengths // 3)
        return Observations(predictions, Profile(words, topics.astype(np.float32)))

    results = [
        detect_drift("find/1", alike(ranked(20, 2 * seed)), alike(ranked(20, 2 * seed + 1)))
        for seed in range(10)
    ]
    assert sum(result.verdict == "drifted" for result in results) <= 1


def test_unlabelled_documents_of_a_query_are_one_sample() -> None:
    rows = Split(("a", "b", "c"), ("my order", "the price", "my order"), ("x", "y", "z"), ())
    assert split_row_samples(RANKING, rows).tolist() == [0, 1, 0]
    assert split_row_samples(task_kind("regression"), rows).tolist() == [0, 1, 2]


def test_without_relevance_scores_are_compared_with_the_teachers() -> None:
    """Probabilities of being relevant: one half by the teacher, 1/2 and 3/4 by the model."""
    outputs = {"onnx": np.array([[0.0], [np.log(3)]], dtype=np.float32)}
    predictions = Predictions(("a", "b"), RANKING, ("score",), np.array([]), outputs)
    teacher = np.zeros((2, 1), dtype=np.float32)
    assert agreement_scores(predictions, "onnx", teacher, 1.0).tolist() == pytest.approx([1, 0.75])
