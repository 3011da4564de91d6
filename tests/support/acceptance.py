"""Expectation that something is accepted: a check returns nothing, and raises if it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def does_not_raise() -> Iterator[None]:
    """Fail the test if the block raises."""
    try:
        yield
    except Exception as error:
        pytest.fail(f"refused with {type(error).__name__}: {error}")
