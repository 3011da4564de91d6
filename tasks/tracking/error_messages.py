"""One-line messages for MLflow errors that a user can fix."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from coldpress.errors import InputError
from tasks.environment import credentials

_DELETED = re.compile(
    r"must be in the 'active' state|Unable to fetch model from model URI|RESOURCE_DOES_NOT_EXIST"
)
_FORBIDDEN = re.compile("PERMISSION_DENIED")
_FULL = re.compile(r"database or disk is full|No space left on device")
_EXCEPTION_NAME = re.compile(r"exception:? (Mlflow|Rest)Exception[:(]")
_READ_ONLY = re.compile(r"readonly database|read-only (transaction|database|file system)", re.I)


def user_message(error: BaseException) -> str | None:
    """Explain an MLflow error or a full disk.

    Args:
        error: Any exception; examined without importing MLflow.

    Returns:
        One line, or None if a user cannot fix it.
    """
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"disk: full; free some space and run it again ({error})"
    code = getattr(error, "error_code", None)
    if code is None:
        return None
    forbidden = credentials.permission_denied_message(error)
    if forbidden is not None:
        return forbidden
    message = str(error).partition("\n")[0]
    if _FULL.search(message):
        return f"disk: full; free some space and run it again ({message})"
    if _READ_ONLY.search(str(error)):
        return f"{credentials.MLFLOW_VARIABLE}: this tracking store is read-only ({message})"
    if code == "RESOURCE_DOES_NOT_EXIST" or _DELETED.search(message):
        return f"model: deleted in MLflow while it was needed; run it again ({message})"
    return None


def mentions_user_error(record: str) -> bool:
    """True if a Prefect log record reports an error that `user_message` explains.

    Args:
        record: The text of the log record.

    Returns:
        False if the text does not name an MLflow exception.
    """
    exception = _EXCEPTION_NAME.search(record)
    patterns = (_DELETED, _FULL, _READ_ONLY, _FORBIDDEN)
    return exception is not None and any(pattern.search(record) for pattern in patterns)


@contextmanager
def translate_mlflow_errors() -> Iterator[None]:
    """Re-raise errors that a user can fix as `InputError`, and all others unchanged.

    Raises:
        InputError: One line that says what to do.
    """
    try:
        yield
    except Exception as error:
        refusal = user_message(error)
        if refusal is None:
            raise
        raise InputError(refusal) from error
