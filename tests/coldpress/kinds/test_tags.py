from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldpress.kinds.tags import begin_entities, entity_types, find_entities, tag_names

NAMES = tag_names(("LOC", "PER"))


def entities(tags: str, texts: list[int] | None = None) -> list[tuple[int, int, str]]:
    """Return first word, last word and type of each entity."""
    indices = np.array([NAMES.index(tag) for tag in tags.split()], dtype=np.int64)
    numbers = np.zeros(len(indices), dtype=np.int64) if texts is None else np.array(texts)
    found = find_entities(indices, numbers)
    types = entity_types(NAMES)
    return [
        (int(first), int(end) - 1, types[kind])
        for first, end, kind in zip(found.first, found.end, found.types, strict=True)
    ]


def test_a_model_has_an_output_for_outside_and_two_for_each_type() -> None:
    assert NAMES == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert entity_types(NAMES) == ("LOC", "PER")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O", []),
        ("B-PER I-PER O B-LOC", [(0, 1, "PER"), (3, 3, "LOC")]),
        ("B-PER B-PER I-PER", [(0, 0, "PER"), (1, 2, "PER")]),
        # conlleval: I after O, or after another type, begins an entity.
        ("O I-PER I-PER", [(1, 2, "PER")]),
        ("B-LOC I-PER", [(0, 0, "LOC"), (1, 1, "PER")]),
        ("I-LOC B-LOC", [(0, 0, "LOC"), (1, 1, "LOC")]),
    ],
)
def test_entities_are_read_as_conlleval_does(
    tags: str, expected: list[tuple[int, int, str]]
) -> None:
    assert entities(tags) == expected


def test_an_entity_ends_with_its_text() -> None:
    assert entities("B-PER I-PER I-PER", [0, 0, 1]) == [(0, 1, "PER"), (2, 2, "PER")]


def test_without_words_there_are_no_entities() -> None:
    assert entities("") == []


@pytest.mark.parametrize(
    ("tags", "expected", "changed"),
    [
        ("I-PER I-PER O I-LOC", "B-PER I-PER O B-LOC", 2),  # IOB1
        ("I-PER B-PER I-PER", "B-PER B-PER I-PER", 1),
        ("B-PER I-PER O", "B-PER I-PER O", 0),
    ],
)
def test_entities_begin_with_b(tags: str, expected: str, changed: int) -> None:
    indices = [NAMES.index(tag) for tag in tags.split()]
    result, count = begin_entities(indices)
    assert " ".join(NAMES[index] for index in result) == expected
    assert count == changed


@settings(deadline=None)
@given(st.lists(st.sampled_from(NAMES), max_size=12))
def test_entities_stay_the_same_when_they_begin_with_b(tags: list[str]) -> None:
    result, _ = begin_entities([NAMES.index(tag) for tag in tags])
    assert entities(" ".join(NAMES[index] for index in result)) == entities(" ".join(tags))
