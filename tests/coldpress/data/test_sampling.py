from hypothesis import given
from hypothesis import strategies as st

from coldpress.data.sampling import evenly_spaced_rows


def test_the_first_and_the_last_row_are_chosen() -> None:
    assert evenly_spaced_rows(10, 4) == [0, 3, 6, 9]
    assert evenly_spaced_rows(3, 10) == [0, 1, 2]
    assert evenly_spaced_rows(0, 5) == []


@given(st.integers(1, 500), st.integers(1, 500))
def test_rows_are_distinct_and_ascending(rows: int, limit: int) -> None:
    chosen = evenly_spaced_rows(rows, limit)
    assert len(chosen) == min(rows, limit)
    assert chosen == sorted(set(chosen))
