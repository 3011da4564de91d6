from __future__ import annotations

import pytest

from coldpress.distillation.augmentation import Augmentation
from coldpress.errors import InputError


@pytest.mark.parametrize(
    ("rows", "max_rows", "copies"),
    [(500, None, 9), (500, 5000, 9), (1000, 5000, 4), (2500, 5000, 1), (2501, 5000, 0), (0, 9, 8)],
)
def test_there_are_fewer_variants_where_there_are_many_rows(
    rows: int, max_rows: int | None, copies: int
) -> None:
    assert Augmentation(copies=9, max_rows=max_rows).for_rows(rows).copies == copies


@pytest.mark.parametrize(
    ("max_rows", "numbers"),
    [(None, (3, 8)), (100, (3, 6)), (50, (3, 1)), (30, (2, 0)), (9, (0, 0))],
)
def test_there_are_fewer_crossovers_first(max_rows: int | None, numbers: tuple[int, int]) -> None:
    plan = Augmentation(copies=3, crossovers=8, max_rows=max_rows).for_rows(10)
    assert (plan.copies, plan.crossovers) == numbers


def test_masks_are_needed_only_for_replaced_words() -> None:
    Augmentation(copies=0, crossovers=1).check_mask("")
    Augmentation(copies=0, crossovers=1).check_student_mask("[MASK]", "<mask>")
    with pytest.raises(InputError, match=r"the teacher's tokenizer has no mask_token; set 0"):
        Augmentation(copies=1, crossovers=1).check_mask("")


@pytest.mark.parametrize("shares", [(0.0, 0.0), (0.6, 0.5)])
def test_shares_outside_of_0_to_1_are_refused(
    shares: tuple[float, float],
) -> None:
    with pytest.raises(
        ValueError, match="replace and mask: their sum must be above 0 and at most 1"
    ):
        Augmentation(replace=shares[0], mask=shares[1])
