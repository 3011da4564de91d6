"""`coldpress up`, `down`, `status`, `logs`: what the command line offers of the local stack."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def up(
    *,
    port_mlflow: int | None = None,
    port_prefect: int | None = None,
    bring: Annotated[bool, Parameter(name="--import", negative=())] = False,
) -> int:
    """Start an MLflow server, a Prefect server and a worker on this machine, or what is missing.

    Args:
        port_mlflow: Where MLflow is to answer; else where it did last, at first 5000 if free.
        port_prefect: Where Prefect answers; likewise, at first 4200.
        bring: Copy the models that were made without the stack, and their runs, into it.
    """
    from flows.stack import messages

    return messages.up(port_mlflow, port_prefect, bring)


def down() -> None:
    """End the servers and the worker that `up` started; what they keep stays on disk."""
    from flows.stack import messages

    messages.down()


def status() -> int:
    """Say what of the stack runs, where, and whether it answers; exit code 0 if all does."""
    from flows.stack import messages

    return messages.status()


def logs(
    server: str | None = None, /, *, follow: Annotated[bool, Parameter(negative=())] = False
) -> None:
    """Print the last lines that the servers logged.

    Args:
        server: mlflow, prefect, worker or setup; all of them when not given.
        follow: Go on with what is added, until interrupted.
    """
    from flows.stack import logs

    logs.print_logs(server, follow)
