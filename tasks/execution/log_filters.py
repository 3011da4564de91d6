"""Log filters: expected errors take one line, without Prefect's tracebacks."""

from __future__ import annotations

import logging
import re

from coldpress.errors import InputError, PlacedStageError
from tasks.environment import deferred_signals
from tasks.tracking import error_messages

_RUN_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
_EXPECTED_ERRORS = (InputError, PlacedStageError)
# Prefect formats a task's exception into the message of its log record.
_EXPECTED_TEXT = re.compile(
    rf"exception:? ({'|'.join(error.__name__ for error in _EXPECTED_ERRORS)})[:(]"
)


def hide_input_tracebacks() -> None:
    """Remove tracebacks of expected errors from all log records of flow and task runs."""
    for name in _RUN_LOGGERS:
        logging.getLogger(name).addFilter(_drop_traceback)


def mute_input_errors() -> None:
    """Hide expected errors and interruptions on the console: the command's last line tells them."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_not_input_error)


def _drop_traceback(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return True
    if isinstance(error, _EXPECTED_ERRORS) or error_messages.user_message(error):
        record.exc_info = None
    return True


def _is_not_input_error(record: logging.LogRecord) -> bool:
    arguments = record.args if isinstance(record.args, tuple) else ()
    is_expected = any(isinstance(argument, _EXPECTED_ERRORS) for argument in arguments)
    if deferred_signals.exit_code() is not None:
        return False
    message = record.getMessage()
    is_expected = (
        is_expected
        or _EXPECTED_TEXT.search(message) is not None
        or error_messages.mentions_user_error(message)
    )
    return record.name not in _RUN_LOGGERS or not is_expected
