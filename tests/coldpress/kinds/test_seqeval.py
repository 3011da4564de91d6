"""Entities and their scores are those of seqeval, with its default settings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldpress.kinds import entity_scores
from coldpress.kinds.tags import entity_types, find_entities, tag_names

metrics = pytest.importorskip("seqeval.metrics")
labelling = pytest.importorskip("seqeval.metrics.sequence_labeling")

NAMES = tag_names(("LOC", "PER"))
TAG = st.sampled_from(NAMES)
TEXT = st.lists(st.tuples(TAG, TAG), min_size=1, max_size=6)


def indices(tags: list[str]) -> np.ndarray:
    return np.array([NAMES.index(tag) for tag in tags], dtype=np.int64)


@settings(deadline=None)
@given(st.lists(TAG, min_size=1, max_size=12))
def test_entities_are_the_same(tags: list[str]) -> None:
    found = find_entities(indices(tags), np.zeros(len(tags), dtype=np.int64))
    types = entity_types(NAMES)
    assert labelling.get_entities(tags) == [
        (types[kind], first, end - 1)
        for first, end, kind in zip(found.first, found.end, found.types, strict=True)
    ]


@settings(deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=5))
def test_scores_are_the_same(texts: list[list[tuple[str, str]]]) -> None:
    predicted = [[first for first, _ in text] for text in texts]
    true = [[second for _, second in text] for text in texts]
    numbers = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    found, expected = (
        find_entities(indices([tag for text in rows for tag in text]), numbers)
        for rows in (predicted, true)
    )
    total = entity_scores.count_entities(found, expected, numbers).sum(axis=0)
    for ours, theirs in (
        (entity_scores.precision, metrics.precision_score),
        (entity_scores.recall, metrics.recall_score),
        (entity_scores.f1, metrics.f1_score),
    ):
        assert float(ours(total)) == pytest.approx(theirs(true, predicted, zero_division=0))
