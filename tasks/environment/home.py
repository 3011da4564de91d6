"""The home: one absolute local directory for all state if no servers are configured."""

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
from tasks.environment import (
    credentials,
    home_path,
    home_record,
    local_stack,
    openmp,
    processes,
    variables,
)

RETRY_VARIABLES = {
    # Retry for four minutes, as MLflow's client does by default. Prefect's server responds 500
    # without its database, which its client does not retry by default.
    "PREFECT_CLIENT_MAX_RETRIES": "7",
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
}
_ABANDONED_AFTER = 7 * 86_400.0
"""Seconds until unfinished files of an owner in another container are deleted."""
_DEFAULTS = {
    # Without these, both libraries send telemetry, which fails slowly without a network.
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
    ("artifacts", "prefect", "servers", "shards", "stack", "studies.db", "work")
) | {home_record.RECORD_FILE}
"""Contents of the home beside MLflow's database."""


def home_directory() -> Path:
    """Return `$COLDPRESS_HOME`, or `./.coldpress`, as an absolute path.

    Raises:
        InputError: The path cannot be a folder, or the libraries cannot work with it.
    """
    value = os.environ.get("COLDPRESS_HOME", "")
    if re.fullmatch("\"[^\"]*\"|'[^']*'", value):
        raise InputError("COLDPRESS_HOME: the value is in quotes; remove them")
    try:
        directory = paths.validate_path(Path(value if value.strip() else ".coldpress")).resolve()
    except ValueError as error:
        raise InputError(f"COLDPRESS_HOME: {error}") from error
    if reason := home_path.path_error(directory):
        raise InputError(f"COLDPRESS_HOME: {reason}; set it to another folder")
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not existing.is_dir():
        raise InputError(f"COLDPRESS_HOME: {existing} is not a folder")
    return directory


def check_writable() -> None:
    """Check that files can be written to the home, or that it can be created.

    Raises:
        InputError: The home is not writable; the message gives the reason.
    """
    directory = home_directory()
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"full?" * 2**14)
    except OSError as error:
        raise InputError(f"COLDPRESS_HOME: {existing} is not writable: {error.strerror}") from error


def database_path() -> Path:
    """Return the path of MLflow's embedded database, which may not exist yet."""
    return home_directory() / "mlflow.db"


def database_uri(database: Path) -> str:
    """Return the tracking URI of an embedded database."""
    return f"sqlite:///{database}"


def ensure_home() -> Path:
    """Return the home, created if it does not exist.

    Raises:
        InputError: It cannot be created.
    """
    directory = home_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"COLDPRESS_HOME: cannot create {directory}: {error.strerror}") from error
    return directory


def set_defaults() -> None:
    """Set defaults of the variables that libraries read when they are imported."""
    variables.clean_environment()
    for name, value in {**_DEFAULTS, **openmp.wait_policy()}.items():
        os.environ.setdefault(name, value)


def configure_environment() -> None:
    """Point Prefect and MLflow at the stack of the home if it is up, else at the home itself.

    Servers that the environment configures are kept. Must run before either library is imported,
    since both read their settings at import.

    Raises:
        InputError: The home cannot be created, its stack is only partly up, or an address is
            invalid or contains a password.
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
    """Directory of Prefect's files, including its database if no server is configured."""
    folder = Path(os.environ.get("PREFECT_HOME") or directory / "prefect").expanduser().absolute()
    reason = home_path.path_error(folder)
    if reason and credentials.PREFECT_VARIABLE not in os.environ:
        raise InputError(f"PREFECT_HOME: {reason}; set it to another folder")
    return folder


def import_prefect() -> None:
    """Import Prefect, which reads its settings now; call `configure_environment` first.

    Settings in `prefect.toml`, `pyproject.toml` and `.env` of the working directory count only if
    the environment names a Prefect server: otherwise they belong to another project.
    """
    stack = local_stack.prefect_variables(home_directory())
    if os.environ.get(credentials.PREFECT_VARIABLE) != stack.get(credentials.PREFECT_VARIABLE):
        return
    with chdir(ensure_home()):
        sources: Any = importlib.import_module("prefect.settings.sources")
    # Prefect reads them again whenever a setting is changed temporarily.
    sources.TomlConfigSettingsSourceBase._read_files = lambda *_, **__: {}
    sources.FilteredDotEnvSettingsSource._read_env_files = lambda *_: {}


def use_stack_if_up(directory: Path) -> None:
    """Point this process at the stack of a home if it is up and nothing else is configured.

    Args:
        directory: The home.

    Raises:
        InputError: The stack is only partly up.
    """
    if "MLFLOW_TRACKING_URI" not in os.environ:
        os.environ.update(local_stack.mlflow_variables(directory))
    if "PREFECT_API_URL" not in os.environ:
        os.environ.update(local_stack.prefect_variables(directory))


def is_unused() -> bool:
    """Return whether no server is configured and nothing is stored in the home yet."""
    variables.clean_environment()
    directory = home_directory()
    return (
        credentials.MLFLOW_VARIABLE not in os.environ
        and not database_path().exists()
        and not local_stack.mlflow_variables(directory)
    )


def artifact_location(experiment: str) -> str | None:
    """Return the artifact location of a new experiment.

    Args:
        experiment: Its name.

    Returns:
        A URI beside an embedded database; None to let the tracking server choose.
    """
    embedded = os.environ["MLFLOW_TRACKING_URI"].startswith("sqlite:")
    directory = home_record.recorded_path(home_directory())
    return (directory / "artifacts" / experiment).as_uri() if embedded else None


@contextmanager
def workspace() -> Iterator[Path]:
    """Create a temporary directory for unfinished files, after deleting those of dead processes."""
    root = home_directory() / "work"
    root.mkdir(parents=True, exist_ok=True)
    delete_abandoned_files()
    # Without `:` and `%`, which have a meaning in URLs.
    owner = quote(processes.current_process_identity(), safe="").replace("%", "=")
    with tempfile.TemporaryDirectory(prefix=f"{owner}-", dir=root) as directory:
        yield Path(directory)


def delete_abandoned_files() -> None:
    """Delete unfinished files whose process has ended or has long been unknown."""
    for directory in (home_directory() / "work").glob("*"):
        owner = _owner(directory)
        unknown = owner is not None and not processes.is_alive(owner)
        if processes.is_gone(owner) or (unknown and _is_abandoned(directory)):
            shutil.rmtree(directory, ignore_errors=True)


def _is_abandoned(directory: Path) -> bool:
    """Return whether a folder has long been unchanged, by the clock of its file system."""
    entries = [directory, *directory.rglob("*")]
    last = max(path.stat(follow_symlinks=False).st_mtime for path in entries)
    with tempfile.TemporaryFile(dir=directory.parent) as probe:
        return os.fstat(probe.fileno()).st_mtime - last > _ABANDONED_AFTER


def _owner(directory: Path) -> str | None:
    """The process identity in a directory's name; None if the name has none."""
    owner = unquote(directory.name.rpartition("-")[0].replace("=", "%"))
    return owner if owner.count(":") >= 2 else None
