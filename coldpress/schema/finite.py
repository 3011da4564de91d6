"""Checks that numbers are finite before they are stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldpress.errors import NonFiniteError


def check_all_finite(values: object, name: str = "") -> None:
    """Check every number in a JSON-like value.

    Args:
        values: A number, or nested mappings and lists of numbers; other types are ignored.
        name: Name of the value in the error, as in `metrics.loss`.

    Raises:
        NonFiniteError: Names the first number that is NaN or infinite.
    """
    if isinstance(values, Mapping):
        for key, value in values.items():
            check_all_finite(value, f"{name}.{key}" if name else str(key))
    elif isinstance(values, list | tuple):
        for position, value in enumerate(values):
            check_all_finite(value, f"{name}.{position}" if name else str(position))
    elif isinstance(values, float | np.floating) and not math.isfinite(values):
        raise NonFiniteError(f"{name} is {float(values)}")


def check_arrays_finite(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Check every element of floating-point arrays.

    Args:
        arrays: Arrays of any shape by name; integer arrays are ignored.

    Raises:
        NonFiniteError: Names the first array with a NaN or an infinity.
    """
    for name, array in arrays.items():
        if array.dtype.kind == "f":
            count = array.size - int(np.count_nonzero(np.isfinite(array)))
            if count:
                raise NonFiniteError(f"{name}: {count} of {array.size} values are not finite")
