"""Ask the tracking store again where only other writers were in the way."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from mlflow.exceptions import MlflowException

_MAX_ATTEMPTS = 8
_RETRYABLE_CODES = {
    "INTERNAL_ERROR",
    "TEMPORARILY_UNAVAILABLE",
    "REQUEST_LIMIT_EXCEEDED",
    "BAD_REQUEST",
}
"""A locked database, MLflow giving up on a version number after three collisions, and, called a bad
request, whatever else a database refuses: a row that another writer has just written."""

Result = TypeVar("Result")


def retry_on_conflict(call: Callable[[], Result]) -> Result:
    """Repeat a call that may be repeated, at random distances, so that writers drift apart.

    Args:
        call: Has the same effect once or twice.

    Returns:
        Its answer.

    Raises:
        MlflowException: It is wrong, or it failed eight times.
    """
    for attempt in range(_MAX_ATTEMPTS - 1):
        try:
            return call()
        except MlflowException as error:
            if error.error_code not in _RETRYABLE_CODES:
                raise
            time.sleep(random.uniform(0.5, 1.5) * 0.05 * 2**attempt)  # noqa: S311
    return call()
