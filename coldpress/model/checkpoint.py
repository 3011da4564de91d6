"""Checkpoints: immutable directories with a manifest, written atomically and verified on open."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coldpress.errors import CorruptCheckpointError
from coldpress.schema.finite import check_all_finite

MANIFEST = "coldpress.json"
_RECORDED_LIBRARIES = ("coldpress", "torch", "transformers", "onnx", "onnxruntime", "tokenizers")


class LayerShape(BaseModel):
    """Heads and neurons of one encoder layer after pruning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heads: Annotated[int, Field(ge=0)]
    neurons: Annotated[int, Field(ge=0)]


class Manifest(BaseModel):
    """The content of `coldpress.json`.

    Attributes:
        stage: The stage that wrote the checkpoint.
        parents: Digests of the checkpoints it was derived from.
        section: The recipe section of the stage.
        kind: Name of the task kind.
        labels: Names of the outputs, such as label names in the order of the logits.
        shapes: One entry an encoder layer; empty if the shapes are those of `config.json`.
        notes: Free-form facts that the stage records, such as the bits of the weights.
        versions: Versions of the libraries that wrote it.
        files: sha256 of every other file, by path inside the directory.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    stage: str
    parents: tuple[str, ...] = ()
    section: Any = None
    kind: str = "text-classification"  # manifests of earlier versions have no kind
    labels: tuple[str, ...] = ()
    shapes: tuple[LayerShape, ...] = ()
    notes: dict[str, Any] = {}
    versions: dict[str, str] = {}
    files: dict[str, str] = {}


class Checkpoint:
    """An opened checkpoint whose files have been verified against its manifest."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @property
    def digest(self) -> str:
        """sha256 over the sorted (path, sha256) of the files, without the manifest."""
        return combine_digests(self.manifest.files)

    @property
    def bytes(self) -> int:
        """Size of the files that are deployed: weights and tokenizer."""
        deployed = ("model.safetensors", "model.onnx", "tokenizer.json")
        return sum((self.path / n).stat().st_size for n in deployed if (self.path / n).exists())

    @classmethod
    def open(cls, path: Path) -> Checkpoint:
        """Read a checkpoint and verify every file.

        Args:
            path: The checkpoint's directory.

        Returns:
            The verified checkpoint.

        Raises:
            CorruptCheckpointError: The manifest is missing or invalid, or a file is missing,
                altered or not in the manifest.
        """
        try:
            manifest = Manifest.model_validate_json((path / MANIFEST).read_bytes())
        except (OSError, ValidationError) as error:
            raise CorruptCheckpointError(f"{path}: {MANIFEST} cannot be read: {error}") from error
        digests = file_digests(path)
        for name in sorted(digests.keys() | manifest.files.keys()):
            if digests.get(name) != manifest.files.get(name):
                raise CorruptCheckpointError(f"{path / name} is not the file that was written")
        return cls(path, manifest)


def combine_digests(files: Mapping[str, str]) -> str:
    """Combine the digests of a checkpoint's files into the checkpoint's digest.

    Args:
        files: sha256 in hexadecimal by relative path.

    Returns:
        sha256 over the sorted pairs, in hexadecimal.
    """
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()


def file_digests(directory: Path) -> dict[str, str]:
    """Hash every file below a directory except the manifest.

    Args:
        directory: The checkpoint's directory.

    Returns:
        sha256 in hexadecimal by relative posix path.
    """
    files = (p for p in sorted(directory.rglob("*")) if p.is_file() and p.name != MANIFEST)
    return {p.relative_to(directory).as_posix(): _sha256(p) for p in files}


@contextmanager
def new_checkpoint(target: Path, manifest: Manifest) -> Iterator[Path]:
    """Write a checkpoint into a temporary directory and rename it to the target when complete.

    Args:
        target: Directory that must not exist yet.
        manifest: The manifest; library versions and file digests are filled in.

    Yields:
        The temporary directory, beside the target, for the checkpoint's files.

    Raises:
        NonFiniteError: The section or a note contains a NaN or an infinity.
    """
    check_all_finite({"section": manifest.section, "notes": manifest.notes})
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield staging
        complete = manifest.model_copy(
            update={"files": file_digests(staging), "versions": _library_versions()}
        )
        (staging / MANIFEST).write_text(complete.model_dump_json(indent=2) + "\n", encoding="utf-8")
        staging.chmod(0o755)  # mkdtemp creates directories that only their owner can read
        _sync_files(staging)
        staging.rename(target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _sync_files(directory: Path) -> None:
    """Flush the files to disk before the rename makes them visible."""
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _library_versions() -> dict[str, str]:
    versions = {}
    for name in _RECORDED_LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
