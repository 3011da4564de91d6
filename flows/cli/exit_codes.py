"""Exit codes of the command line, and the error line on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from cyclopts import CycloptsError

from coldpress.errors import (
    CorruptCheckpointError,
    InputError,
    PlacedStageError,
    RefusedError,
    ServerStartError,
)
from tasks.environment.streams import OutputError
from tasks.tracking import error_messages

SUCCESS = 0
FAILURE = 1
"""The work failed, or the gate refused the model."""
INVALID_INPUT = 2


def run_command(command: Callable[[], Any]) -> int:
    """Run a command and turn expected errors into one line and an exit code.

    Args:
        command: Returns an exit code, or None on success.

    Returns:
        The exit code.

    Raises:
        Exception: A bug in Coldpress; it keeps its traceback.
    """
    try:
        code = int(command() or SUCCESS)
        sys.stdout.flush()
    except OutputError as error:
        return SUCCESS if error.is_broken_pipe() else report_error(error, FAILURE)
    except (InputError, CycloptsError) as error:
        return report_error(error, INVALID_INPUT)
    except (CorruptCheckpointError, PlacedStageError, RefusedError, ServerStartError) as error:
        return report_error(error, FAILURE)
    except Exception as error:
        message = error_messages.user_message(error)
        if message is None:
            raise
        return report_error(message, INVALID_INPUT)
    return code


def report_error(message: object, code: int) -> int:
    """Write a message to standard error as one line, and return the exit code.

    Args:
        message: Why the command failed; line breaks become spaces.
        code: The exit code.
    """
    sys.stderr.write(f"coldpress: {' '.join(str(message).split())}\n")
    return code
