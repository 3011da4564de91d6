from __future__ import annotations

import numpy as np
import pytest

from coldpress.evaluation.vector_forms import measure_vector_forms
from coldpress.kinds.stored_vectors import store_vectors

DOCUMENTS = np.array([[3.0, 4.0], [-1.0, 0.0], [0.0, 0.0]])
"""Normalized: (0.6, 0.8), (-1, 0), (0, 0)."""


def test_bytes_share_the_range_of_their_dimension() -> None:
    stored = store_vectors(DOCUMENTS)
    assert stored.scales.tolist() == pytest.approx([1 / 127, 0.8 / 127])
    assert stored.numbers.tolist() == [[76, 127], [-127, 0], [0, 0]]


def test_bits_are_signs_packed_from_the_left() -> None:
    stored = store_vectors(DOCUMENTS)
    assert stored.bits.tolist() == [[0b11000000], [0], [0]]
    query = np.array([0.5, 0.5], dtype=np.float32)
    assert stored.nearest_bits(query, 2).tolist() == [0, 1]


def test_the_forms_of_separate_documents_all_find_them() -> None:
    """64 documents of 64 numbers: 4 bytes, 1 byte and a scale, or an eighth for each number."""
    documents = np.eye(64) * 2 - 0.1
    judgements = np.array([[number, 1] for number in range(64)])
    forms = {form.name: form for form in measure_vector_forms(documents, documents, judgements)}
    assert [form.score for form in forms.values()] == [1.0] * 5
    assert {name: form.bytes for name, form in forms.items()} == {
        "float32": 64 * 64 * 4,
        "int8": 64 * 64 + 64 * 4,
        "binary": 64 * 8,
        "binary, rescored": 64 * 8,
        "binary, rescored by int8": 64 * 8 + 64 * 64 + 64 * 4,
    }
    assert all(form.queries_per_second > 0 for form in forms.values())


def test_rescoring_recovers_what_bits_cannot_tell_apart() -> None:
    """Two documents have the query's signs: by bits the first one wins, by bytes the second."""
    documents = np.array([[1.0, 9.0], [9.0, 1.0], [-1.0, -1.0]])
    query = np.array([[8.0, 1.0]])
    forms = {form.name: form for form in measure_vector_forms(query, documents, np.array([[1, 1]]))}
    second = 1 / np.log2(3)
    assert forms["float32"].score == forms["int8"].score == 1.0
    assert forms["binary"].score == pytest.approx(second)
    assert forms["binary, rescored by int8"].score == 1.0
    assert forms["binary"].retention == pytest.approx(second)
