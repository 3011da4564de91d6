"""A finite number from a cell of a file."""

from __future__ import annotations

import math
from decimal import Decimal

from coldpress.errors import InputError


def finite_number(value: object, place: str) -> float:
    """Convert a cell to a number; text of a .csv file is accepted, booleans are not.

    Args:
        value: As read from a file.
        place: Row and column, for the message.

    Raises:
        InputError: The value is not a finite number.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        raise InputError(f"{place} is null or blank, not a number")
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
            raise ValueError
        if isinstance(value, str) and "_" in value:  # Python reads 2024_01 as 202401
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{place} is {value!r}, not a number") from error
    if not math.isfinite(number):
        raise InputError(f"{place} is {value}, not a finite number")
    return number
