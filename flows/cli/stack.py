"""`coldpress up`, `down`, `status` and `logs`: commands for the local stack."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from flows.cli import exit_codes

_FLAG = Parameter(negative=(), show_default=False)
_IMPORT = Parameter(name="--import", negative=(), show_default=False)


def up(
    *,
    port_mlflow: int | None = None,
    port_prefect: int | None = None,
    import_embedded: Annotated[
        bool, Parameter(name="--import", negative=(), show_default=False)
    ] = False,
) -> None:
    """Start an MLflow server, a Prefect server and a worker on this machine.

    What is already running is left alone.

    Args:
        port_mlflow: Port of MLflow; default: its last port, at first 5000 if free.
        port_prefect: Port of Prefect; default: its last port, at first 4200 if free.
        import_embedded: Copy the models and runs made without the stack into it.
    """
    from flows.stack import messages

    messages.up(port_mlflow, port_prefect, import_embedded)


def down() -> None:
    """Stop the servers and the worker started by `up`; their data stays on disk."""
    from flows.stack import messages

    messages.down()


def status() -> int:
    """Show which servers run, where, and whether they answer; exit code 0 if all do."""
    from flows.stack import messages

    return exit_codes.SUCCESS if messages.status() else exit_codes.FAILURE


def logs(
    server: str | None = None,
    /,
    *,
    follow: Annotated[bool, _FLAG] = False,
) -> None:
    """Print the last lines of the servers' logs.

    Args:
        server: mlflow, prefect, worker or setup; default: all of them.
        follow: Keep printing new lines until interrupted.
    """
    from flows.stack import logs

    logs.print_logs(server, follow)
