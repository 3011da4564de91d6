"""The built-in search benchmark: generated help pages and queries, ambiguous on purpose.

A page answers two requests of one intent. A query is one of them with words left out, so that it
may fit the pages of other requests as well.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass

from coldpress.data import synthetic

DROPPED_SHARE = 0.3
PAGES_PER_QUERY = 2


@dataclass(frozen=True)
class SearchData:
    """Pages and queries.

    Attributes:
        documents: Texts of the pages.
        queries: Texts of the queries.
        relevant: For each query, the number of its page.
    """

    documents: tuple[str, ...]
    queries: tuple[str, ...]
    relevant: tuple[int, ...]


def generate_texts(count: int, seed: str) -> list[str]:
    """Generate requests to learn from.

    Args:
        count: Number of texts.
        seed: The same seed gives the same texts in every process and on every machine.
    """
    return [text for text, _ in synthetic.generate(count, seed)]


def generate_search(queries: int, seed: str) -> SearchData:
    """Generate twice as many pages as queries; the query of a page is about its first request.

    Args:
        queries: Number of queries.
        seed: The same seed gives the same data in every process and on every machine.
    """
    rng = random.Random(seed)  # noqa: S311
    requests: defaultdict[str, list[str]] = defaultdict(list)
    for text, intent in synthetic.generate(2 * PAGES_PER_QUERY * queries, seed):
        requests[intent].append(text)
    pages = [
        (first, second)
        for intent in sorted(requests)
        for first, second in zip(requests[intent][::2], requests[intent][1::2], strict=False)
    ]
    rng.shuffle(pages)
    numbers = sorted(rng.sample(range(len(pages)), min(queries, len(pages))))
    return SearchData(
        documents=tuple(" ".join(page) for page in pages),
        queries=tuple(_shorten(rng, pages[number][0]) for number in numbers),
        relevant=tuple(numbers),
    )


def _shorten(rng: random.Random, text: str) -> str:
    """Leave out some of the words, but not all."""
    words = text.split()
    remaining = [word for word in words if rng.random() >= DROPPED_SHARE]
    return " ".join(remaining or words[:1])
