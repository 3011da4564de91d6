"""What a user caused is told in one line; Prefect logs every exception with its traceback."""

from __future__ import annotations

import logging
import re

from coldpress.errors import InputError
from tasks.environment import deferred_signals
from tasks.tracking import error_messages

_RUN_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
# Prefect puts the error of a task into the text of its records.
_INPUT_ERROR_TEXT = re.compile(rf"exception:? {InputError.__name__}[:(]")


def hide_input_tracebacks() -> None:
    """Keep tracebacks of wrong input out of the records of flow and task runs, wherever they go."""
    for name in _RUN_LOGGERS:
        logging.getLogger(name).addFilter(_drop_traceback)


def mute_input_errors() -> None:
    """Show no records of wrong input or an interruption: the command's last line tells it."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_not_input_error)


def _drop_traceback(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None and (isinstance(error, InputError) or error_messages.user_message(error)):
        record.exc_info = None
    return True


def _is_not_input_error(record: logging.LogRecord) -> bool:
    arguments = record.args if isinstance(record.args, tuple) else ()
    told = any(isinstance(argument, InputError) for argument in arguments)
    if deferred_signals.exit_code() is not None:
        return False
    message = record.getMessage()
    told = (
        told
        or _INPUT_ERROR_TEXT.search(message) is not None
        or error_messages.mentions_user_error(message)
    )
    return record.name not in _RUN_LOGGERS or not told
