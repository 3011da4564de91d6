"""What a command exits with, and the one line that says why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from cyclopts import CycloptsError

from coldpress.errors import CorruptCheckpointError, InputError, RefusedError, ServerFailedError
from tasks.environment.streams import LostOutputError
from tasks.tracking import error_messages

DONE, FAILED, WRONG_INPUT = 0, 1, 2


def code_of(command: Callable[[], Any]) -> int:
    """Carry a command out.

    Args:
        command: Returns an exit code, or nothing where it is done.

    Returns:
        The exit code.

    Raises:
        Exception: A fault of our own, which keeps its traceback.
    """
    try:
        code = int(command() or DONE)
        sys.stdout.flush()
    except LostOutputError as error:
        return DONE if error.is_unread() else say(error, FAILED)
    except (InputError, CycloptsError) as error:
        return say(error, WRONG_INPUT)
    except (CorruptCheckpointError, RefusedError, ServerFailedError) as error:
        return say(error, FAILED)
    except Exception as error:
        refusal = error_messages.line(error)
        if refusal is None:
            raise
        return say(refusal, WRONG_INPUT)
    return code


def say(message: object, code: int) -> int:
    """Write one line to standard error, whatever the message holds.

    Args:
        message: Why the command ends.
        code: What it exits with.

    Returns:
        The code.
    """
    sys.stderr.write(f"coldpress: {' '.join(str(message).split())}\n")
    return code
