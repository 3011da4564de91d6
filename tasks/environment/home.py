"""Where state lives when nothing is configured: one directory, absolute, on this machine."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from coldpress.errors import InputError
from coldpress.schema import paths
from tasks.environment import credentials, home_path, home_record, local_stack, processes, variables

RETRY_VARIABLES = {
    # Four minutes of it, as MLflow's client has by itself. Without its database Prefect's
    # server answers 500, which its client does not ask again for on its own.
    "PREFECT_CLIENT_MAX_RETRIES": "7",
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
}
_ABANDONED_AFTER = 7 * 86_400.0
"""Seconds until unfinished files go whose owner, in another container, cannot be seen."""
_DEFAULTS = {
    # Without these, both libraries call home, and fail slowly where there is no network.
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    **RETRY_VARIABLES,
    "GIT_PYTHON_REFRESH": "quiet",
    "TOKENIZERS_PARALLELISM": "true",
}

HOME_ENTRIES = frozenset(
    {"artifacts", "prefect", "servers", "stack", "work", home_record.RECORD_FILE}
)
"""What is kept in the home beside MLflow's database."""


def home_directory() -> Path:
    """Return `$COLDPRESS_HOME`, or `./.coldpress`, as an absolute path.

    Raises:
        InputError: No folder can be there, or none whose path the libraries can work with.
    """
    named = os.environ.get("COLDPRESS_HOME", "")
    if re.fullmatch("\"[^\"]*\"|'[^']*'", named):
        raise InputError("COLDPRESS_HOME: its value has quotes around it; take them away")
    try:
        directory = paths.validate_path(Path(named if named.strip() else ".coldpress")).resolve()
    except ValueError as error:
        raise InputError(f"COLDPRESS_HOME: {error}") from error
    if why := home_path.path_error(directory):
        raise InputError(f"COLDPRESS_HOME: {why}; set it to another folder")
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not existing.is_dir():
        raise InputError(f"COLDPRESS_HOME: {existing} is not a folder")
    return directory


def check_writable() -> None:
    """Make sure that the home takes files, or can be made; before any work is done.

    Raises:
        InputError: Why not.
    """
    directory = home_directory()
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"full?" * 2**14)
    except OSError as error:
        raise InputError(f"COLDPRESS_HOME: {existing} takes no files: {error.strerror}") from error


def database_path() -> Path:
    """Return where MLflow's embedded database is, or is to be."""
    return home_directory() / "mlflow.db"


def database_uri(database: Path) -> str:
    """Return how MLflow is told of an embedded database."""
    return f"sqlite:///{database}"


def ensure_home() -> Path:
    """Return the home, made if need be.

    Raises:
        InputError: It cannot be made.
    """
    directory = home_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"COLDPRESS_HOME: no {directory}: {error.strerror}") from error
    return directory


def set_defaults() -> None:
    """Set what libraries read from the environment when they are imported, unless it is set."""
    variables.clean_environment()
    for name, value in {**_DEFAULTS, **openmp_wait_policy()}.items():
        os.environ.setdefault(name, value)


def configure_environment() -> None:
    """Point Prefect and MLflow at the stack of the home where it is up, else at the home itself.

    What the environment points elsewhere is left so. Must run before either is imported: both read
    their settings at import.

    Raises:
        InputError: The home cannot be made, its stack is up in part, or an address has a password
            or is none that can be used.
    """
    variables.clean_environment()
    credentials.check_addresses()
    directory = ensure_home()
    os.environ["COLDPRESS_HOME"] = str(directory)
    if os.environ.get(credentials.MLFLOW_VARIABLE) in {None, database_uri(database_path())}:
        variables.isolate_mlflow()
    if credentials.PREFECT_VARIABLE not in os.environ:
        variables.isolate_prefect(directory)
    set_defaults()
    use_stack_if_up(directory)
    os.environ["PREFECT_HOME"] = str(_prefect_home(directory))
    os.environ.setdefault("MLFLOW_TRACKING_URI", database_uri(database_path()))
    if home_record.is_home_registry(directory, os.environ["MLFLOW_TRACKING_URI"]):
        home_record.adapt_registry(directory)


def _prefect_home(directory: Path) -> Path:
    """Where Prefect keeps its own files; its database as well, where no server is configured."""
    where = Path(os.environ.get("PREFECT_HOME") or directory / "prefect").expanduser().absolute()
    why = home_path.path_error(where)
    if why and credentials.PREFECT_VARIABLE not in os.environ:
        raise InputError(f"PREFECT_HOME: {why}; set it to another folder")
    return where


def import_prefect() -> None:
    """Import Prefect, which reads its settings now; to be called after `embed`.

    Those of `prefect.toml`, `pyproject.toml` and `.env` in the working directory count only where
    the environment names a Prefect server: otherwise they were made for another project.
    """
    if os.environ.get(credentials.PREFECT_VARIABLE) != local_stack.prefect_variables(
        home_directory()
    ).get(credentials.PREFECT_VARIABLE):
        return
    with chdir(ensure_home()):
        sources: Any = importlib.import_module("prefect.settings.sources")
    # They are read again whenever a setting is changed for a while.
    sources.TomlConfigSettingsSourceBase._read_files = lambda *_, **__: {}
    sources.FilteredDotEnvSettingsSource._read_env_files = lambda *_: {}


def use_stack_if_up(directory: Path) -> None:
    """Point this process at the stack of a home, where it is up and nothing else is configured.

    Args:
        directory: The home.

    Raises:
        InputError: It is up in part.
    """
    if "MLFLOW_TRACKING_URI" not in os.environ:
        os.environ.update(local_stack.mlflow_variables(directory))
    if "PREFECT_API_URL" not in os.environ:
        os.environ.update(local_stack.prefect_variables(directory))


def is_unused() -> bool:
    """Whether nothing is configured and nothing was made here: to look is no reason to make it."""
    variables.clean_environment()
    directory = home_directory()
    return (
        credentials.MLFLOW_VARIABLE not in os.environ
        and not database_path().exists()
        and not local_stack.mlflow_variables(directory)
    )


def openmp_wait_policy() -> dict[str, str]:
    """Return how OpenMP threads are to wait for each other, unless the environment says so.

    On an idle machine a short spin makes training a seventh faster than sleep does; beside other
    work it takes the cores from the very thread that is waited for (docs/log.md, 2026-11-24).
    """
    if {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        return {}
    idle = os.getloadavg()[0] < (os.cpu_count() or 1) / 2
    return {"GOMP_SPINCOUNT": "2000"} if idle else {"OMP_WAIT_POLICY": "passive"}


def artifact_location(experiment: str) -> str | None:
    """Where a new experiment keeps its files: beside an embedded database, else as served.

    Args:
        experiment: Its name.

    Returns:
        A URI, or None to leave it to the tracking server.
    """
    embedded = os.environ["MLFLOW_TRACKING_URI"].startswith("sqlite:")
    directory = home_record.recorded_path(home_directory())
    return (directory / "artifacts" / experiment).as_uri() if embedded else None


@contextmanager
def workspace() -> Iterator[Path]:
    """Lend a directory for unfinished files; what killed processes left behind is swept first."""
    root = home_directory() / "work"
    root.mkdir(parents=True, exist_ok=True)
    delete_abandoned_files()
    # Neither `:` nor `%`, which means something in the URLs that are made of paths.
    owner = quote(processes.current_process_identity(), safe="").replace("%", "=")
    with tempfile.TemporaryDirectory(prefix=f"{owner}-", dir=root) as directory:
        yield Path(directory)


def delete_abandoned_files() -> None:
    """Delete the unfinished files of processes that are gone, or of which nothing is known."""
    for left in (home_directory() / "work").glob("*"):
        owner = _owner(left)
        unseen = owner is not None and not processes.is_alive(owner)
        if processes.is_gone(owner) or (unseen and _is_abandoned(left)):
            shutil.rmtree(left, ignore_errors=True)


def _is_abandoned(directory: Path) -> bool:
    """Whether nothing changed in a folder for long, by the clock of the disk that it lies on."""
    paths = [directory, *directory.rglob("*")]
    last = max(path.stat(follow_symlinks=False).st_mtime for path in paths)
    with tempfile.TemporaryFile(dir=directory.parent) as probe:
        return os.fstat(probe.fileno()).st_mtime - last > _ABANDONED_AFTER


def _owner(directory: Path) -> str | None:
    """The process that a directory is named after, if it is one of ours."""
    owner = unquote(directory.name.rpartition("-")[0].replace("=", "%"))
    return owner if owner.count(":") >= 2 else None
