from __future__ import annotations

from coldpress.data.synthetic_search import generate_search, generate_texts


def test_pages_and_queries_come_from_the_seed() -> None:
    data = generate_search(60, "a")
    assert data == generate_search(60, "a")
    assert data != generate_search(60, "b")
    assert generate_texts(60, "a") == generate_texts(60, "a")


def test_there_are_about_two_pages_for_a_query() -> None:
    data = generate_search(60, "a")
    assert len(data.queries) == len(set(data.relevant)) == 60
    assert 110 <= len(data.documents) <= 120


def test_a_query_has_only_words_of_its_page_but_not_all() -> None:
    data = generate_search(60, "a")
    shorter = 0
    for query, number in zip(data.queries, data.relevant, strict=True):
        assert set(query.split()) <= set(data.documents[number].split())
        shorter += len(query.split()) < len(data.documents[number].split())
    assert shorter == 60
