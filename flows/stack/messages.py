"""What `up`, `down` and `status` say to a person."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rich.console import Console

from flows.stack import abandoned_runs, servers
from flows.stack import start as starting
from flows.stack import status as looking
from flows.stack import stop as ending
from flows.stack.start_server import NotStartedError
from tasks.environment import home, home_record, local_stack
from tasks.environment.local_stack import MLFLOW, PREFECT

_DONE, _FAILED = 0, 1
_OVERRIDING_VARIABLES = ("MLFLOW_TRACKING_URI", "PREFECT_API_URL")


def up(port_mlflow: int | None, port_prefect: int | None, bring: bool) -> int:
    """Bring the stack up, and say where to look and what to press.

    Args:
        port_mlflow: The one asked for.
        port_prefect: The one asked for.
        bring: Whether to bring over what was made embedded.

    Returns:
        The exit code.
    """
    try:
        started = starting.start_stack({MLFLOW: port_mlflow, PREFECT: port_prefect})
    except NotStartedError as error:
        sys.stderr.write(f"coldpress: {' '.join(str(error).split())}\n")
        return _FAILED
    where = home.home_directory()
    said = [*_summary_lines(where, started), *_end_abandoned_runs(where)]
    brought = _import_embedded_models() if bring else []
    sys.stdout.write("\n".join([*said, *brought]) + "\n")
    return _DONE


def _import_embedded_models() -> list[str]:
    """MLflow is first imported here."""
    database = home.database_path()
    if not database.exists():
        return ["brought over: nothing, since nothing was made without the stack"]
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    home.configure_environment()  # which leads to the stack that has just come up
    from tasks.migration.registry import migrate_store
    from tasks.tracking import embedded_db

    home_record.adapt_registry(home.home_directory())
    embedded_db.ensure_schema(database)
    new = migrate_store(home.database_uri(database))
    return [f"brought over: {', '.join(new) or 'nothing new'}"]


def _end_abandoned_runs(where: Path) -> list[str]:
    return [
        f"{run.name} was {run.state} without a worker: marked {run.end.capitalize()}"
        for run in abandoned_runs.end_runs(where)
    ]


def _summary_lines(where: Path, started: list[str]) -> list[str]:
    addresses = [
        f"{servers.TITLES[server]:8} {_page_url(where, server)}" for server in (MLFLOW, PREFECT)
    ]
    prefect = _page_url(where, PREFECT)
    return [
        f"started: {', '.join(started)}" if started else "all of it runs already",
        *addresses,
        f"Press Run, then Quick run, on the deployment demo: {prefect}/deployments",
        "Commands in this home use these servers; `coldpress down` ends them.",
        *[f"{name} is set and wins: commands here go there." for name in _overriding_variables()],
    ]


def _page_url(where: Path, server: str) -> str:
    origin = local_stack.loopback_url(local_stack.read_server_record(where, server).port)
    return f"{origin}{servers.UI_PATHS[server]}".rstrip("/")


def _overriding_variables() -> list[str]:
    return [name for name in _OVERRIDING_VARIABLES if name in os.environ]


def down() -> None:
    """Take the stack down, and say what ran."""
    ended = ending.stop_stack()
    sys.stdout.write(f"ended: {', '.join(ended)}\n" if ended else "nothing ran\n")


def status() -> int:
    """Print what runs.

    Returns:
        The exit code: 0 if all of it answers.
    """
    table, all_answer = looking.status_table()
    Console().print(table)
    for run in abandoned_runs.find_runs(home.home_directory()):
        sys.stdout.write(
            f"{run.name} is {run.state} since {run.since:%Y-%m-%d %H:%M:%S} without a worker: it "
            f"keeps others from running until `coldpress up` marks it {run.end.capitalize()}\n"
        )
    return _DONE if all_answer else _FAILED
