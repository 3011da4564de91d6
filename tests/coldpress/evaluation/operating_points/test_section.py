"""Operating points of a recipe: what is refused before a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from coldpress.errors import InputError
from coldpress.evaluation.operating_points.section import (
    OperatingPointSection,
    check_kind,
    check_rows,
)
from coldpress.kinds import KINDS
from coldpress.kinds.tags import tag_names

KIND = KINDS["text-classification"]
TOXIC = OperatingPointSection(label="toxic", max_false_positive_rate=0.01)


@pytest.mark.parametrize("conditions", [{}, {"max_false_positive_rate": 0.1, "min_precision": 0.9}])
def test_a_point_has_exactly_one_condition(conditions: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="either max_false_positive_rate or min_precision"):
        OperatingPointSection(label="toxic", **conditions)


def test_only_kinds_with_labels_have_operating_points() -> None:
    check_kind([TOXIC], KINDS["multi-label"])
    check_kind([TOXIC], KINDS["text-classification"])
    check_kind([TOXIC], KINDS["token-classification"])
    check_kind([], KINDS["regression"])
    with pytest.raises(ValueError, match=r"not possible with benchmark.kind regression"):
        check_kind([TOXIC], KINDS["regression"])


def test_a_label_has_one_operating_point() -> None:
    with pytest.raises(ValueError, match=r"operating_points.1.label: 'toxic' has two"):
        check_kind([TOXIC, TOXIC], KINDS["multi-label"])


def test_both_splits_need_rows_with_and_without_the_label() -> None:
    both, only = np.array([0, 1]), np.array([0, 0])
    check_rows([TOXIC], KIND, ("clean", "toxic"), {"validation": both, "test": both})
    with pytest.raises(InputError, match=r"points.0.label: the test split has no row with"):
        check_rows([TOXIC], KIND, ("clean", "toxic"), {"validation": both, "test": only})
    with pytest.raises(InputError, match="the validation split has no row without 'toxic'"):
        check_rows([TOXIC], KIND, ("toxic", "clean"), {"validation": only, "test": both})
    with pytest.raises(InputError, match="the benchmark has no label 'toxic', only 'clean'"):
        check_rows([TOXIC], KIND, ("clean", "rude"), {})


def test_types_of_entities_are_the_labels_of_words() -> None:
    """A text with a person, a text with a place, a text without any."""
    kind, names = KINDS["token-classification"], tag_names(("person", "place"))
    words = np.array([[0, 0], [1, 0], [3, 1], [4, 1], [0, 2]])
    person = OperatingPointSection(label="person", max_false_positive_rate=0.01)
    check_rows([person], kind, names, {"validation": words, "test": words})
    with pytest.raises(InputError, match="the test split has no row with 'person'"):
        check_rows([person], kind, names, {"validation": words, "test": words[2:]})
    with pytest.raises(InputError, match="no label 'toxic', only 'person', 'place'"):
        check_rows([TOXIC], kind, names, {"validation": words})
    with pytest.raises(InputError, match="no label 'B-person'"):
        check_rows([OperatingPointSection(label="B-person", min_precision=0.9)], kind, names, {})
