"""Find a registered version and open its exported file, without MLflow if possible."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from coldpress.errors import CorruptCheckpointError, InputError
from coldpress.model.checkpoint import Checkpoint
from tasks.tracking import embedded_versions
from tasks.tracking.embedded_versions import EmbeddedVersion

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    Version = ModelVersion | EmbeddedVersion


def find_version(model: str) -> Version:
    """Find a registered version, without MLflow if the registry is embedded.

    Args:
        model: `name`, `name@alias` or `name/version`.

    Raises:
        InputError: There is no such version.
    """
    version = embedded_versions.find_version(model)
    if version is not None:
        return version
    from tasks.tracking import registry

    return registry.resolve(model)


@contextmanager
def open_deployable(version: Version) -> Iterator[Checkpoint]:
    """Open the files of an exported model.

    Args:
        version: Of `find_version`.

    Yields:
        The checkpoint with `model.onnx`.

    Raises:
        InputError: It is a checkpoint of another stage.
        CorruptCheckpointError: A file is missing or was changed.
    """
    reference = f"{version.name}/{version.version}"
    with _explain_corruption(reference), _open_version(version) as checkpoint:
        if not (checkpoint.path / "model.onnx").exists():
            stage = version.tags.get("stage", "another stage")
            kind = f"a checkpoint of {stage}, not an ONNX model"
            raise InputError(f"model: {reference} is {kind}{_no_file_note(reference)}")
        registered = version.tags.get("digest", checkpoint.digest)
        if checkpoint.digest != registered:
            raise CorruptCheckpointError(f"registered as {registered}, found {checkpoint.digest}")
        yield checkpoint


@contextmanager
def _explain_corruption(reference: str) -> Iterator[None]:
    """Name the version whose files are missing or changed, and the remedy."""
    try:
        yield
    except CorruptCheckpointError as error:
        remedy = "run its recipe again to recreate them"
        message = f"{reference}: its files are missing or were changed; {remedy} ({error})"
        raise CorruptCheckpointError(message) from error


def _open_version(version: Version) -> AbstractContextManager[Checkpoint]:
    if isinstance(version, EmbeddedVersion):
        return nullcontext(version.open())
    from tasks.tracking import artifacts

    return artifacts.open_checkpoint(str(version.source))


def _no_file_note(reference: str) -> str:
    from tasks.tracking import registry, reports

    return reports.no_file_note(registry.resolve(reference))
