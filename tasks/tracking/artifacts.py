"""Checkpoints in the MLflow artifact store: stored atomically, verified when opened."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.artifacts import download_artifacts, load_text
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from coldpress.errors import CorruptCheckpointError
from coldpress.model.checkpoint import Checkpoint
from tasks.environment import credentials, home, local_stack, relocation
from tasks.tracking import artifact_roots, deduplicate, runs
from tasks.tracking.checkpoint_directory import open_directory
from tasks.tracking.versions import NOT_FOUND_CODES

CHECKPOINT_FOLDER = "checkpoint"


def load_run_text(run_id: str, path: str) -> str:
    """Read a text file among a run's artifacts.

    Args:
        run_id: The run.
        path: Path below its artifacts.

    Raises:
        MlflowException: The run has no such file.
        OSError: The same, if its artifacts are on this disk.
    """
    location = f"{runs.client().get_run(run_id).info.artifact_uri}/{path}"
    on_disk = _path_on_disk(location)
    return str(load_text(location)) if on_disk is None else on_disk.read_text(encoding="utf-8")


@contextmanager
def open_checkpoint(model_uri: str) -> Iterator[Checkpoint]:
    """Open the checkpoint behind a URI, in place if it is on this disk, else from a download.

    Args:
        model_uri: `models:/m-...` or `runs:/<run>/<path>`.

    Yields:
        The verified checkpoint, until the block ends.

    Raises:
        CorruptCheckpointError: Files are missing or altered. An outage raises another error, since
            it says nothing about the files.
    """
    location = _require_location(model_uri)
    on_disk = _path_on_disk(location)
    if on_disk is not None:
        yield open_directory(on_disk, model_uri)
        return
    with tempfile.TemporaryDirectory() as directory:
        try:
            download_artifacts(artifact_uri=location, dst_path=directory)
        except (MlflowException, OSError) as error:
            if stored_bytes(model_uri):
                raise
            raise CorruptCheckpointError(f"{model_uri}: {error}") from error
        yield open_directory(Path(directory), model_uri)


def is_intact(model_uri: str, digest: str) -> bool:
    """True if the checkpoint behind a URI exists and has the expected digest.

    Args:
        model_uri: See `open_checkpoint`.
        digest: The digest recorded when the checkpoint was written.

    Returns:
        True only if every file was read and hashed.
    """
    try:
        with open_checkpoint(model_uri) as checkpoint:
            return checkpoint.digest == digest
    except CorruptCheckpointError:
        return False


def log_model(run_id: str, name: str, packed: Path, stage: str) -> str:
    """Store a directory as a LoggedModel, marked READY after its last file is uploaded.

    Args:
        run_id: The run that made it.
        name: Shown in the UI.
        packed: Directory with `MLmodel` and the checkpoint.
        stage: The stage that made the model.

    Returns:
        `models:/m-...`.
    """
    client = runs.client()
    experiment_id = client.get_run(run_id).info.experiment_id
    model = client.create_logged_model(
        experiment_id,
        name=name,
        source_run_id=run_id,
        model_type="coldpress",
        tags={"stage": stage},
    )
    client.log_model_artifacts(model.model_id, str(packed))
    client.finalize_logged_model(model.model_id, "READY")
    deduplicate.delete_incomplete_models(client, experiment_id, run_id)
    return f"models:/{model.model_id}"


def restore_files(model_uri: str, packed: Path, digest: str) -> str:
    """Upload a LoggedModel's files again if any are missing or altered.

    Args:
        model_uri: `models:/m-...`.
        packed: The same model, made again.
        digest: Expected digest of its checkpoint.

    Returns:
        The same URI.

    Raises:
        InputError: The files are outside this home.
    """
    if not is_intact(model_uri, digest):
        artifact_roots.require_inside_home(_location(model_uri))
        runs.client().log_model_artifacts(model_uri.removeprefix("models:/"), str(packed))
    return model_uri


def log_checkpoint(run_id: str, checkpoint: Path, name: str) -> str:
    """Store a checkpoint that is not a model (soft targets, an evaluation) in its run's artifacts.

    Args:
        run_id: The stage's run.
        checkpoint: A written checkpoint.
        name: Folder inside the run's artifacts.

    Returns:
        `runs:/<run>/<name>`.
    """
    runs.client().log_artifacts(run_id, str(checkpoint), name)
    return f"runs:/{run_id}/{name}"


def stored_bytes(uri: str) -> int:
    """Return the size of the files behind a URI in bytes; 0 if they were deleted."""
    try:
        location = _location(uri)
    except MlflowException as error:
        if error.error_code in NOT_FOUND_CODES:
            return 0  # the model was deleted in MLflow
        raise
    return _size(get_artifact_repository(location))


def _size(repository: ArtifactRepository, folder: str | None = None) -> int:
    files = repository.list_artifacts(folder)
    return sum(_size(repository, f.path) if f.is_dir else int(f.file_size or 0) for f in files)


def remove_files(uri: str) -> None:
    """Delete the files behind a URI; MLflow's record stays, so they can be restored later.

    Args:
        uri: See `open_checkpoint`.

    Raises:
        InputError: The files are outside this home.
    """
    location = _location(uri)
    artifact_roots.require_inside_home(location)
    get_artifact_repository(location).delete_artifacts()  # type: ignore[no-untyped-call]


def is_outside_home(uri: str) -> bool:
    """True if the files behind a URI are outside this home and must not be deleted."""
    return artifact_roots.is_outside_home(_location(uri))


def package_torch(checkpoint: Path, into: Path) -> Path:
    """Lay out a torch checkpoint as an MLflow model that other tools recognise.

    Args:
        checkpoint: A written checkpoint.
        into: Directory to create.

    Returns:
        `into`.
    """
    shutil.copytree(checkpoint, into / CHECKPOINT_FOLDER, copy_function=_link_or_copy)
    model = Model()
    model.add_flavor("coldpress", checkpoint=CHECKPOINT_FOLDER, format=1)
    model.save(str(into / "MLmodel"))
    return into


def _link_or_copy(source: str, target: str) -> str:
    """Link if possible: checkpoints are immutable, so a hard link is as good as a copy."""
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)
    return target


def _path_on_disk(location: str) -> Path | None:
    """Where the files of a location are on this disk; None if they have to be downloaded."""
    address = os.environ[credentials.MLFLOW_VARIABLE]
    directory = home.home_directory()
    return relocation.local_path(location) or local_stack.artifacts_on_disk(
        directory, address, location
    )


def _require_location(model_uri: str) -> str:
    try:
        return _location(model_uri)
    except MlflowException as error:
        if error.error_code in NOT_FOUND_CODES:
            raise CorruptCheckpointError(f"{model_uri} was deleted in MLflow") from error
        raise


def _location(model_uri: str) -> str:
    client = runs.client()
    if model_uri.startswith("models:/m-"):
        model = client.get_logged_model(model_uri.removeprefix("models:/"))
        return str(model.artifact_location)
    run_id, _, path = model_uri.removeprefix("runs:/").partition("/")
    return f"{client.get_run(run_id).info.artifact_uri}/{path}"
