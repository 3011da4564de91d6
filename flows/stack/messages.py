"""Output of `coldpress up`, `down` and `status`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rich.console import Console

from flows.stack import abandoned_runs, servers
from flows.stack.start import start_stack
from flows.stack.status import status_table
from flows.stack.stop import stop_stack
from tasks.environment import home, home_record, local_stack
from tasks.environment.local_stack import MLFLOW, PREFECT

_OVERRIDING_VARIABLES = ("MLFLOW_TRACKING_URI", "PREFECT_API_URL")


def up(port_mlflow: int | None, port_prefect: int | None, import_embedded: bool) -> None:
    """Start the stack and print the addresses of its pages and a first step.

    Args:
        port_mlflow: Requested port of MLflow.
        port_prefect: Requested port of Prefect.
        import_embedded: Whether to import the models made without the stack.
    """
    started = start_stack({MLFLOW: port_mlflow, PREFECT: port_prefect})
    home_path = home.home_directory()
    lines = [*_summary_lines(home_path, started), *_end_abandoned_runs(home_path)]
    lines += _import_embedded_models() if import_embedded else []
    sys.stdout.write("\n".join(lines) + "\n")


def _import_embedded_models() -> list[str]:
    """MLflow is first imported here."""
    database = home.database_path()
    if not database.exists():
        return ["imported: nothing; no models were made without the stack"]
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    home.configure_environment()  # sets MLFLOW_TRACKING_URI to the stack's server
    from tasks.migration.registry import migrate_store
    from tasks.tracking import embedded_db

    home_record.adapt_registry(home.home_directory())
    embedded_db.ensure_schema(database)
    new = migrate_store(home.database_uri(database))
    return [f"imported: {', '.join(new) or 'nothing new'}"]


def _end_abandoned_runs(home_path: Path) -> list[str]:
    return [
        f"{run.name} was {run.state} without a worker: marked {run.final_state.capitalize()}"
        for run in abandoned_runs.end_runs(home_path)
    ]


def _summary_lines(home_path: Path, started: list[str]) -> list[str]:
    addresses = [
        f"{servers.TITLES[server]:8} {_page_url(home_path, server)}" for server in (MLFLOW, PREFECT)
    ]
    prefect = _page_url(home_path, PREFECT)
    return [
        f"started: {', '.join(started)}" if started else "everything is already running",
        *addresses,
        f"To try it, choose Run, then Quick run, on the deployment demo: {prefect}/deployments",
        "Commands in this home use these servers; `coldpress down` stops them.",
        *[
            f"{name} is set and takes precedence: commands use that server instead."
            for name in _overriding_variables()
        ],
    ]


def _page_url(home_path: Path, server: str) -> str:
    origin = local_stack.loopback_url(local_stack.read_server_record(home_path, server).port)
    return f"{origin}{servers.UI_PATHS[server]}".rstrip("/")


def _overriding_variables() -> list[str]:
    return [name for name in _OVERRIDING_VARIABLES if name in os.environ]


def down() -> None:
    """Stop the stack and print which servers were running."""
    stopped = stop_stack()
    sys.stdout.write(f"stopped: {', '.join(stopped)}\n" if stopped else "nothing was running\n")


def status() -> bool:
    """Print the state of every server.

    Returns:
        Whether all of them answer.
    """
    table, all_answer = status_table()
    Console().print(table)
    for run in abandoned_runs.find_runs(home.home_directory()):
        sys.stdout.write(
            f"{run.name} has been {run.state} since {run.since:%Y-%m-%d %H:%M:%S} without a "
            "worker: it blocks other runs until `coldpress up` marks it "
            f"{run.final_state.capitalize()}\n"
        )
    return all_answer
