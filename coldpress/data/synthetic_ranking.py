"""The built-in ranking dataset: matters of an imaginary shop, and requests that may be about them.

No model can reach an nDCG of 1: some requests fit two matters and are relevant to one at random,
and a few are wrong on purpose.
"""

from __future__ import annotations

import random

from coldpress.data import synthetic

DOCUMENTS = 6
RELEVANT_COUNTS = (1, 2)
"""Numbers of relevant documents of a query; each is as frequent."""
POPULARITY = 0.6
"""How often a matter is searched for, as a multiple of the one before it."""
NOISE_SHARE = 0.03


def generate(count: int, seed: str) -> list[tuple[str, str, int]]:
    """Generate queries with six documents each; the last one may have more.

    Args:
        count: Number of rows.
        seed: The same seed gives the same rows in every process and on every machine.

    Returns:
        Query, document and relevance, 0 or 1; the rows of a query follow each other.
    """
    rng = random.Random(seed)  # noqa: S311
    requests: dict[str, list[str]] = {}
    for text, intent in synthetic.generate(2 * count, f"{seed}:requests"):
        requests.setdefault(intent, []).append(text)
    queries = max(1, count // DOCUMENTS)
    rows: list[tuple[str, str, int]] = []
    for number in range(queries):
        documents = DOCUMENTS if number < queries - 1 else count - len(rows)
        rows += _generate_query(rng, requests, documents)
    return rows


def _generate_query(
    rng: random.Random, requests: dict[str, list[str]], documents: int
) -> list[tuple[str, str, int]]:
    """Generate words for a matter, and requests about it and about other matters."""
    intents = sorted(requests)
    (intent,) = rng.choices(intents, [POPULARITY**rank for rank in range(len(intents))])
    relevant = rng.choice(RELEVANT_COUNTS)
    others = rng.choices([name for name in intents if name != intent], k=documents - relevant)
    query = synthetic.draw_matter(rng, intent)
    rows = [
        (query, rng.choice(requests[name]), int(name == intent))
        for name in [intent] * relevant + others
    ]
    if rng.random() < NOISE_SHARE:
        rows[0] = (query, rng.choice(requests[others[0]]), 1)
    rng.shuffle(rows)
    return rows
