"""The built-in ranking dataset."""

from __future__ import annotations

from collections import Counter

import pytest

from coldpress.data import synthetic_ranking


@pytest.mark.parametrize("count", [60, 61, 65, 600])
def test_every_query_has_relevant_and_other_documents(count: int) -> None:
    rows = synthetic_ranking.generate(count, "0:train")
    assert len(rows) == count
    relevant = Counter(query for query, _, relevance in rows if relevance)
    others = Counter(query for query, _, relevance in rows if not relevance)
    assert set(relevant) == set(others)


def test_rows_are_the_same_for_the_same_seed() -> None:
    assert synthetic_ranking.generate(60, "1:test") == synthetic_ranking.generate(60, "1:test")
    assert synthetic_ranking.generate(60, "1:test") != synthetic_ranking.generate(60, "2:test")


def test_few_queries_of_the_test_rows_are_training_queries() -> None:
    train, test = (
        {query for query, _, _ in synthetic_ranking.generate(count, seed)}
        for count, seed in ((2400, "0:train"), (600, "0:test"))
    )
    assert len(train & test) < 0.1 * len(test)
