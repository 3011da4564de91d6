"""Ranking: targets, metrics and groups worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from coldpress.data.rows import Rows
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.evaluation.statistics.metric_bootstrap import metric_difference
from coldpress.kinds import task_kind
from coldpress.kinds.additive import AdditiveKind
from coldpress.kinds.grouped import GroupedKind
from coldpress.kinds.ranking import Ranking
from coldpress.kinds.ranking_data import RankingColumns

KIND = Ranking()
COLUMNS = RankingColumns(relevance="gain", query_id="id")

# Two queries of four documents; the rows of the second surround those of the first.
QUERIES = (7, 5, 5, 5, 5, 7, 7, 7)
RELEVANCE = (1, 0, 3, 0, 2, 0, 1, 0)
TARGETS = np.array(list(zip(QUERIES, RELEVANCE, strict=True)), dtype=np.float64)
# Ranks of query 7: rows 5, 0, 7, 6. Ranks of query 5: rows 4, 1, 2, 3.
SCORES = np.array([3, 2, 1, 0, 5, 4, 1, 2], dtype=np.float32)[:, None]
NDCG_7 = (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3))
NDCG_5 = (2 + 3 / math.log2(4)) / (3 + 2 / math.log2(3))


def rows_of(*rows: tuple[object, ...]) -> Rows:
    """Rows of id, query, document and gain."""
    names = ("id", "query", "document", "gain")
    columns = {name: [row[n] for row in rows] for n, name in enumerate(names)}
    return Rows("benchmark.source.test: test.jsonl", "line", range(1, len(rows) + 1), columns)


def read(*rows: tuple[object, ...]) -> tuple[tuple[float, float], ...]:
    return KIND.read_targets(rows_of(*rows), COLUMNS, ())


def test_metrics_are_those_of_trec_eval() -> None:
    """Gains are linear: 3 counts three times as much as 1, not seven times as 2^3 - 1 would."""
    scores = KIND.scores(SCORES, TARGETS)
    assert scores["ndcg_at_10"] == pytest.approx((NDCG_7 + NDCG_5) / 2)
    assert scores["mrr_at_10"] == pytest.approx((1 / 2 + 1) / 2)
    assert scores["map"] == pytest.approx(((1 / 2 + 2 / 4) / 2 + (1 + 2 / 3) / 2) / 2)
    assert KIND.main_score(SCORES, TARGETS) == scores["ndcg_at_10"]


def test_a_document_below_rank_10_gains_nothing() -> None:
    """The only relevant one of twelve documents is at rank 11; MAP has no limit."""
    targets = np.zeros((12, 2))
    targets[10, 1] = 1
    scores = KIND.scores(-np.arange(12.0)[:, None], targets)
    assert scores == {"ndcg_at_10": 0.0, "mrr_at_10": 0.0, "map": pytest.approx(1 / 11)}


def test_equal_scores_are_broken_against_the_model() -> None:
    targets = np.array([[1, 1], [1, 0], [1, 0]], dtype=np.float64)
    scores = KIND.scores(np.zeros((3, 1)), targets)
    assert scores["mrr_at_10"] == pytest.approx(1 / 3)


def test_a_query_is_a_sample() -> None:
    """Queries are numbered in the order of their first rows."""
    assert KIND.samples(TARGETS).tolist() == [0, 1, 1, 1, 1, 0, 0, 0]
    assert KIND.sample_scores(SCORES, TARGETS, 1.0).tolist() == pytest.approx([NDCG_7, NDCG_5])
    assert task_kind("ranking").samples_title == "queries"


def test_the_bootstrap_computes_the_metric_from_sums_over_queries() -> None:
    assert isinstance(KIND, AdditiveKind)
    counts = KIND.counts(SCORES, TARGETS)
    assert KIND.score_of_counts(counts.sum(axis=0)) == KIND.main_score(SCORES, TARGETS)
    perfect = TARGETS[:, 1:]
    difference = metric_difference(KIND, SCORES, perfect, TARGETS)
    losses = (NDCG_7 - 1, NDCG_5 - 1)
    assert difference.estimate == pytest.approx(sum(losses) / 2)
    assert (difference.low, difference.high) == pytest.approx((min(losses), max(losses)))


def test_a_split_of_samples_has_the_queries_as_texts() -> None:
    queries = tuple(f"query {number}" for number in QUERIES)
    documents = tuple(f"document {row}" for row in range(8))
    targets = tuple(map(tuple, TARGETS.tolist()))
    columns = {"topic": tuple("abcdefgh")}
    split = Split(tuple("01234567"), queries, documents, targets, columns)
    samples = KIND.split_samples(split)
    assert (samples.texts, samples.pairs) == (("query 7", "query 5"), None)
    assert samples.columns == {"topic": ("a", "b")}
    assert len(set(samples.ids)) == 2


def test_groups_have_one_relevant_document_or_more() -> None:
    targets = np.array([[1, 1], [1, 0], [2, 1], [2, 2], [2, 0], [3, 0], [3, 1]], dtype=np.float64)
    groups = KIND.target_groups(np.arange(7.0)[:, None], targets, (), 1.0)
    assert [(group.name, group.items) for group in groups] == [
        ("1 relevant document", (0, 2)),
        ("2 relevant or more", (1,)),
    ]
    assert groups[0].scores.tolist() == pytest.approx([1 / math.log2(3), 1])


def test_texts_of_reports() -> None:
    assert KIND.target_texts(TARGETS, ()) == ["relevance 1 0 1 0", "relevance 0 3 0 2"]
    assert KIND.prediction_texts(SCORES, TARGETS, ()) == ["ranks 2, 4", "ranks 1, 3"]


def test_agreement_is_the_correlation_within_queries() -> None:
    """Other levels of a query's scores do not matter; one of two queries is reversed."""
    shifted = SCORES + 10 * (TARGETS[:, :1] == 7)
    assert KIND.agreement(SCORES, shifted, TARGETS) == pytest.approx(1.0)
    reversed_once = np.where(TARGETS[:, :1] == 7, -SCORES, SCORES)
    assert KIND.agreement(SCORES, reversed_once, TARGETS) == pytest.approx(0.0)
    assert KIND.agreement(0 * SCORES, 0 * SCORES, TARGETS) == 1.0


def test_without_relevance_two_models_are_compared_row_by_row() -> None:
    """Probabilities 0.75 and 0.5."""
    scores = KIND.sample_scores(np.array([[math.log(3)], [2.0]]), np.array([0.0, 2.0]), 1.0)
    assert scores.tolist() == pytest.approx([0.75, 1.0])


def test_rows_have_a_query_number_and_a_relevance() -> None:
    first, second, third = read(("a", "q", "d", 1), ("b", "q", "d", "0.5"), ("a", "q", "e", 0))
    assert first[0] == third[0] != second[0]
    assert (first[1], second[1], third[1]) == (1, 0.5, 0)


def test_equal_texts_are_one_query_without_ids() -> None:
    columns = RankingColumns(relevance="gain")
    rows = rows_of(("a", "q", "d", 1), ("b", "q", "e", 0), ("a", "r", "e", 0))
    numbers = [number for number, _ in KIND.read_targets(rows, columns, ())]
    assert numbers[0] == numbers[1] != numbers[2]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("high", "line 2: 'gain' is 'high', not a number"),
        (-1, "line 2: 'gain' is -1; relevance is 0 or higher"),
        (None, "line 2: 'gain' is null or blank, not a number"),
        (float("inf"), "line 2: 'gain' is inf, not a finite number"),
    ],
)
def test_a_relevance_is_a_number_of_at_least_0(value: object, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        read(("a", "q", "d", 1), ("a", "q", "e", value))
    assert str(caught.value) == f"benchmark.source.test: test.jsonl {problem}"


def test_an_id_belongs_to_one_query() -> None:
    with pytest.raises(InputError, match=r"line 2: benchmark.columns.query_id is 'a', the id of"):
        read(("a", "q", "d", 1), ("a", "another", "e", 0))


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([("a", 1), ("a", 0), ("b", 1)], r"line 3: this query has a single document"),
        ([("a", 1), ("b", 0), ("a", 0), ("b", 0)], r"line 2: this query has no relevant document"),
        ([("a", 2), ("a", 2)], r"test.jsonl: no query has documents of different relevance"),
    ],
)
def test_queries_that_every_model_answers_alike_are_refused(
    rows: Sequence[tuple[str, int]], problem: str
) -> None:
    source = rows_of(*((query, f"query {query}", "d", gain) for query, gain in rows))
    targets = KIND.read_targets(source, COLUMNS, ())
    with pytest.raises(InputError, match=problem):
        KIND.check_split(targets, source)


def test_training_rows_may_have_such_queries_but_need_a_difference() -> None:
    rows = [("a", "q", "d", 1), ("a", "q", "e", 0), ("b", "r", "d", 0), ("c", "s", "d", 1)]
    assert KIND.output_names(rows_of(*rows), COLUMNS) == ("score",)
    with pytest.raises(InputError, match="no query has documents of different relevance"):
        KIND.output_names(rows_of(*rows[2:]), COLUMNS)


def test_only_queries_that_can_be_evaluated_are_cut_off_for_validation() -> None:
    targets = [(7.0, 1.0), (7.0, 0.0), (3.0, 0.0), (3.0, 0.0), (5.0, 1.0)]
    assert KIND.strata(targets) == [0, None, None]


def test_training_keeps_queries_together() -> None:
    assert isinstance(KIND, GroupedKind)


def brute_force_ndcg(scores: NDArray[np.float64], relevance: NDArray[np.float64]) -> float:
    """The formula for one query, document by document."""
    ranked = relevance[np.argsort(-scores)]
    ideal = np.sort(relevance)[::-1]
    gains = [
        sum(gain / math.log2(rank + 2) for rank, gain in enumerate(order[:10]))
        for order in (ranked, ideal)
    ]
    return float(gains[0] / gains[1])


def test_many_queries_are_those_of_the_formula() -> None:
    random = np.random.default_rng(0)
    numbers = random.permutation(np.repeat(np.arange(20.0), random.integers(11, 30, 20)))
    relevance = random.integers(0, 4, len(numbers)).astype(np.float64)
    scores = random.normal(size=len(numbers))
    targets = np.stack([numbers, relevance], axis=1)
    order = list(dict.fromkeys(numbers.tolist()))
    expected = [brute_force_ndcg(scores[numbers == n], relevance[numbers == n]) for n in order]
    assert KIND.sample_scores(scores[:, None], targets, 1.0).tolist() == pytest.approx(expected)
