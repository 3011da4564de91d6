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


def test_a_mask_is_needed_only_if_variants_contain_it() -> None:
    for plan in (Augmentation(copies=0), Augmentation(mask=0), Augmentation(crossovers=1, mask=0)):
        plan.check_mask("")
        plan.check_student_mask("[MASK]", "<mask>")
    for numbers in ({"copies": 1}, {"copies": 0, "crossovers": 1}):
        with pytest.raises(InputError, match=r"the teacher's tokenizer has no mask_token; set 0"):
            Augmentation.model_validate(numbers).check_mask("")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"replace": 0.6, "mask": 0.5}, "replace, mask and random: their sum must be at most 1"),
        (
            {"copies": 1, "replace": 0.0, "mask": 0.0},
            "replace, mask and random: one must be above 0 to make copies",
        ),
    ],
)
def test_shares_that_do_not_fit_are_refused(section: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Augmentation.model_validate(section)
