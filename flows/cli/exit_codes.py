"""What a command exits with, and the one line that says why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from cyclopts import CycloptsError

from coldpress.errors import CorruptCheckpointError, InputError, RefusedError, ServerStartError
from tasks.environment.streams import OutputError
from tasks.tracking import error_messages

SUCCESS, FAILURE, INVALID_INPUT = 0, 1, 2


def run_command(command: Callable[[], Any]) -> int:
    """Carry a command out.

    Args:
        command: Returns an exit code, or nothing where it is done.

    Returns:
        The exit code.

    Raises:
        Exception: A fault of our own, which keeps its traceback.
    """
    try:
        code = int(command() or SUCCESS)
        sys.stdout.flush()
    except OutputError as error:
        return SUCCESS if error.is_unread() else report_error(error, FAILURE)
    except (InputError, CycloptsError) as error:
        return report_error(error, INVALID_INPUT)
    except (CorruptCheckpointError, RefusedError, ServerStartError) as error:
        return report_error(error, FAILURE)
    except Exception as error:
        refusal = error_messages.user_message(error)
        if refusal is None:
            raise
        return report_error(refusal, INVALID_INPUT)
    return code


def report_error(message: object, code: int) -> int:
    """Write one line to standard error, whatever the message holds.

    Args:
        message: Why the command ends.
        code: What it exits with.

    Returns:
        The code.
    """
    sys.stderr.write(f"coldpress: {' '.join(str(message).split())}\n")
    return code
