"""Log filters: errors of the user's input take one line, without Prefect's tracebacks."""

from __future__ import annotations

import logging
import re

from coldpress.errors import InputError
from tasks.environment import deferred_signals
from tasks.tracking import error_messages

_RUN_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
# Prefect formats a task's exception into the message of its log record.
_INPUT_ERROR_TEXT = re.compile(rf"exception:? {InputError.__name__}[:(]")


def hide_input_tracebacks() -> None:
    """Remove tracebacks of input errors from all log records of flow and task runs."""
    for name in _RUN_LOGGERS:
        logging.getLogger(name).addFilter(_drop_traceback)


def mute_input_errors() -> None:
    """Hide input errors and interruptions on the console; the command's last line reports them."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_not_input_error)


def _drop_traceback(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None and (isinstance(error, InputError) or error_messages.user_message(error)):
        record.exc_info = None
    return True


def _is_not_input_error(record: logging.LogRecord) -> bool:
    arguments = record.args if isinstance(record.args, tuple) else ()
    is_input_error = any(isinstance(argument, InputError) for argument in arguments)
    if deferred_signals.exit_code() is not None:
        return False
    message = record.getMessage()
    is_input_error = (
        is_input_error
        or _INPUT_ERROR_TEXT.search(message) is not None
        or error_messages.mentions_user_error(message)
    )
    return record.name not in _RUN_LOGGERS or not is_input_error
