"""What a user caused is told in one line; Prefect logs every exception with its traceback."""

from __future__ import annotations

import logging
import re

from coldpress.errors import InputError
from tasks.environment import deferred_signals
from tasks.tracking import error_messages

_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
# Prefect puts the error of a task into the text of its records.
_NAMED = re.compile(rf"exception:? {InputError.__name__}[:(]")


def without_traceback() -> None:
    """Keep tracebacks of wrong input out of the records of flow and task runs, wherever they go."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_shortened)


def off_the_terminal() -> None:
    """Show no records of wrong input or an interruption: the command's last line tells it."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_of_something_else)


def _shortened(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None and (isinstance(error, InputError) or error_messages.line(error)):
        record.exc_info = None
    return True


def _is_of_something_else(record: logging.LogRecord) -> bool:
    arguments = record.args if isinstance(record.args, tuple) else ()
    told = any(isinstance(argument, InputError) for argument in arguments)
    if deferred_signals.exit_code() is not None:
        return False
    message = record.getMessage()
    told = told or _NAMED.search(message) is not None or error_messages.is_told_in(message)
    return record.name not in _LOGGERS or not told
