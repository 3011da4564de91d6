"""Find and load the version that a reference names, in whatever registry is configured.

Neither an embedded registry nor a server is read with MLflow in this process: its import takes
90 MB, and a second in which requests wait. Files of a server are downloaded by `coldpress pull` in
another process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from coldpress.errors import CorruptCheckpointError, InputError
from flows.serving.model_slot import ServedModel, load_folder
from tasks.environment import home
from tasks.environment.credentials import MLFLOW_VARIABLE
from tasks.tracking import deployable, embedded_versions, server_versions
from tasks.tracking.embedded_versions import EmbeddedVersion
from tasks.tracking.references import split_reference
from tasks.tracking.server_versions import ServerVersion

if TYPE_CHECKING:
    Version = deployable.Version | ServerVersion

VERDICT_TAG = "gate"
_CHECK_SECONDS = 0.1


def find_version(reference: str) -> Version:
    """Find a version when the service starts.

    Args:
        reference: `name@alias` or `name/version`.

    Raises:
        InputError: There is no such version, or the reference names none.
        OSError: The server does not respond.
    """
    _, mark, selector = split_reference(reference)
    if not (mark and selector):
        raise InputError(
            f"model: serve needs an alias or a version, such as {reference}@champion or"
            f" {reference}/1, or a folder that coldpress pull wrote"
        )
    address = server_address()
    if address is not None:
        return server_versions.find_version(address, reference)
    return deployable.find_version(reference)


def version_finder(reference: str, version: Version) -> Callable[[], Version]:
    """Return the function that finds the reference's version again.

    Args:
        reference: `name@alias`.
        version: Found when the service started, with the same registry.
    """
    if isinstance(version, EmbeddedVersion):
        return partial(_find_embedded, reference)
    return partial(find_version, reference)


def load_version(version: Version, stop: threading.Event) -> ServedModel:
    """Load a version and verify it by its registered digest.

    Args:
        version: Of `find_version` or `version_finder`.
        stop: Ends a download.

    Raises:
        InputError: It is not an exported model.
        CorruptCheckpointError: Its files are missing, altered or cannot be downloaded.
    """
    if not isinstance(version, ServerVersion):
        with deployable.open_deployable(version) as checkpoint:
            return _load(checkpoint.path, version)
    with tempfile.TemporaryDirectory(prefix="coldpress-serve-") as directory:
        folder = Path(directory) / "model"
        _pull(f"{version.name}/{version.version}", folder, stop)
        return _load(folder, version)


def server_address() -> str | None:
    """Return the address of the MLflow server that is configured; None if there is none."""
    if home.is_unused():
        return None
    home.configure_environment()
    address = os.environ[MLFLOW_VARIABLE]
    return address if address.startswith("http") else None


def _load(folder: Path, version: Version) -> ServedModel:
    model = load_folder(folder, version.name, int(version.version), version.tags.get(VERDICT_TAG))
    registered = version.tags["digest"]
    if model.digest != registered:
        raise CorruptCheckpointError(
            f"{model.reference}: registered as {registered}, found {model.digest}"
        )
    return model


def _find_embedded(reference: str) -> EmbeddedVersion:
    version = embedded_versions.find_version(reference)
    if version is None:
        raise InputError(f"model: no {reference} in the registry, or it cannot be read")
    return version


def _pull(reference: str, folder: Path, stop: threading.Event) -> None:
    """Download and verify a version in another process, which is ended if the service stops."""
    command = [sys.executable, "-P", "-m", "flows.cli", "pull", reference, str(folder)]
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None:
            if stop.wait(_CHECK_SECONDS):
                process.terminate()
        errors = process.stderr.read() if process.stderr else b""
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines() or ["no message"]
        message = lines[-1].removeprefix("coldpress: ").removeprefix(f"{reference}: ")
        raise CorruptCheckpointError(f"{reference}: {message}")
