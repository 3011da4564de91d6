"""Slices are found on the validation split; test rows are only assigned to them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from coldpress.data.splits import Split
from coldpress.evaluation.subgroups import search
from coldpress.evaluation.subgroups.search import ValidationPredictions
from coldpress.evaluation.subgroups.slices import Slice
from coldpress.kinds import TEXT_CLASSIFICATION

SURE = 4.0


def split(texts: list[str]) -> Split:
    return Split(tuple(map(str, range(len(texts)))), tuple(texts), None, (0,) * len(texts))


def logits_for(correct: NDArray[np.bool_], sure: float = SURE) -> NDArray[np.float64]:
    """Logits of rows whose label is 0."""
    return np.where(correct[:, None], [sure, 0.0], [0.0, sure])


def find(
    texts: list[str], losses: NDArray[np.bool_], test: list[str], sure: float = SURE
) -> list[Slice]:
    """Search with a teacher that is always correct and a final model that loses some rows."""
    always = np.ones(len(texts), dtype=np.bool_)
    validation = ValidationPredictions(
        TEXT_CLASSIFICATION, split(texts), logits_for(always, sure), logits_for(~losses)
    )
    on_test = logits_for(np.ones(len(test), dtype=np.bool_), sure)
    return search.search_slices(validation, split(test), on_test)


def test_the_word_that_is_lost_is_found_and_its_test_rows_are_returned() -> None:
    texts = [f"Refund {n}" for n in range(25)] + [f"delivery {n}" for n in range(75)]
    losses = np.arange(100) < 20
    slices = find(texts, losses, ["no", "my REFUND, please", "delivery", "refund"])
    # The word and the first word are the same rows: one is left out, the first by name is kept.
    assert slices[0] == Slice("found", 'beginning with "refund"', (3,))
    assert all(slice_.kind == "found" for slice_ in slices)
    assert [slice_ for slice_ in slices if slice_.name == 'with "refund"'] == []


@pytest.mark.parametrize(("lost_rows", "expected"), [(1, []), (2, ['with "late"'])])
def test_one_lost_row_is_not_enough(lost_rows: int, expected: list[str]) -> None:
    texts = [f"{n} late" for n in range(20)] + [f"{n} soon" for n in range(20)]
    losses = np.arange(40) < lost_rows
    names = [slice_.name for slice_ in find(texts, losses, ["so late"])]
    assert [name for name in names if "late" in name] == expected


def test_slices_are_ranked_by_the_share_of_rows_lost() -> None:
    texts = [f"{n} large" for n in range(40)] + [f"{n} small" for n in range(20)]
    texts += [f"{n} other" for n in range(30)]
    losses = np.isin(np.arange(90), [*range(10), *range(40, 48)])  # 10 of 40, 8 of 20
    names = [slice_.name for slice_ in find(texts, losses, ["small large"])]
    assert [name for name in names if "teacher" not in name] == ['with "small"', 'with "large"']


def test_a_slice_has_at_most_half_of_the_rows() -> None:
    texts = [f"{n} most" for n in range(31)] + [f"{n} few" for n in range(29)]
    names = [slice_.name for slice_ in find(texts, np.ones(60, dtype=np.bool_), ["few most"])]
    assert names == ['with "few"']


def test_rows_won_are_set_against_rows_lost() -> None:
    texts = [f"{n} late" for n in range(20)] + [f"{n} soon" for n in range(20)]
    teacher = np.arange(40) >= 3  # wrong in three rows that the final model has right
    final = (np.arange(40) < 3) | (np.arange(40) >= 7)
    validation = ValidationPredictions(
        TEXT_CLASSIFICATION, split(texts), logits_for(teacher), logits_for(final)
    )
    assert (
        search.search_slices(validation, split(["late"]), logits_for(np.ones(1, dtype=np.bool_)))
        == []
    )


@pytest.mark.parametrize(("rows", "expected"), [(19, False), (20, True)])
def test_a_word_needs_twenty_rows(rows: int, expected: bool) -> None:
    texts = [f"{n} rare" for n in range(rows)] + [f"{n} other" for n in range(60)]
    names = [slice_.name for slice_ in find(texts, np.arange(rows + 60) < rows, ["a rare one"])]
    assert ('with "rare"' in names) is expected


def test_a_word_needs_two_percent_of_the_rows() -> None:
    texts = [f"{n} rare" for n in range(20)] + [f"{n} other" for n in range(1080)]
    names = [slice_.name for slice_ in find(texts, np.arange(1100) < 20, ["a rare one"])]
    assert 'with "rare"' not in names


def test_teacher_confidence_has_the_same_bounds_on_both_splits() -> None:
    texts = [f"row{n}" for n in range(90)]
    sure = np.repeat([0.5, 2.0, 4.0], 30)
    teacher = np.stack([sure, np.zeros(90)], axis=1)
    validation = ValidationPredictions(
        TEXT_CLASSIFICATION, split(texts), teacher, logits_for(np.arange(90) >= 15)
    )
    on_test = np.array([[0.4, 0.0], [3.0, 0.0], [0.0, 0.3]])
    slices = search.search_slices(validation, split(["x", "y", "z"]), on_test)
    # Softmax of 2 against 0 is 0.88.
    assert slices == [Slice("found", "teacher less than 88% sure", (0, 2))]


def test_at_most_five_distinct_slices_are_found() -> None:
    words = ["ash", "bay", "cob", "dye", "elm", "fir", "gum"]
    texts = [f"{n} {word}" for word in words for n in range(20)]
    losses = np.arange(140) % 20 < np.repeat(range(3, 10), 20)
    slices = find(texts, losses, [f"the {word}" for word in words])
    names = ['with "gum"', 'with "fir"', 'with "elm"', 'with "dye"', 'with "cob"']
    assert [slice_.name for slice_ in slices] == names


def test_without_losses_or_rows_no_slice_is_found() -> None:
    texts = [f"{n} late" for n in range(40)]
    assert find(texts, np.zeros(40, dtype=np.bool_), ["late"]) == []
    assert find([], np.zeros(0, dtype=np.bool_), ["late"]) == []
