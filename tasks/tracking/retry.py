"""Retry MLflow calls that fail because of concurrent writers."""

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
"""A locked database; MLflow giving up on a version number after three collisions; and BAD_REQUEST,
which MLflow reports for any other database error, such as a row that another writer just added."""

Result = TypeVar("Result")


def retry_on_conflict(call: Callable[[], Result]) -> Result:
    """Retry an idempotent call with exponential backoff and jitter.

    Args:
        call: Must be idempotent.

    Returns:
        The result of the call.

    Raises:
        MlflowException: The error is not retryable, or the last attempt failed.
    """
    for attempt in range(_MAX_ATTEMPTS - 1):
        try:
            return call()
        except MlflowException as error:
            if error.error_code not in _RETRYABLE_CODES:
                raise
            time.sleep(random.uniform(0.5, 1.5) * 0.05 * 2**attempt)  # noqa: S311
    return call()
