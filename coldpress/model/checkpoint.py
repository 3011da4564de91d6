"""A checkpoint: a directory that describes itself, is written whole, and never changes."""

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
    """What is left of one encoder layer after surgery."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heads: Annotated[int, Field(ge=0)]
    neurons: Annotated[int, Field(ge=0)]


class Manifest(BaseModel):
    """The content of `coldpress.json`.

    Attributes:
        stage: The stage that wrote the checkpoint.
        parents: Digests of the checkpoints it was made from.
        section: The recipe's section that made it.
        labels: Label names, in the order of the logits.
        shapes: One entry an encoder layer; empty where the shapes are those of `config.json`.
        notes: What the stage wants to say of it, such as the bits of its weights.
        versions: The libraries that wrote it.
        files: sha256 of every other file, by path inside the directory.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    stage: str
    parents: tuple[str, ...] = ()
    section: Any = None
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
        """sha256 over the sorted (path, sha256) of the files, the manifest left out."""
        return combine_digests(self.manifest.files)

    @property
    def bytes(self) -> int:
        """What has to be shipped: weights and tokenizer, in bytes."""
        shipped = ("model.safetensors", "model.onnx", "tokenizer.json")
        return sum((self.path / n).stat().st_size for n in shipped if (self.path / n).exists())

    @classmethod
    def open(cls, path: Path) -> Checkpoint:
        """Read a checkpoint and verify every file.

        Args:
            path: Its directory.

        Returns:
            The verified checkpoint.

        Raises:
            CorruptCheckpointError: The manifest is missing or a file is missing, altered or extra.
        """
        try:
            manifest = Manifest.model_validate_json((path / MANIFEST).read_bytes())
        except (OSError, ValidationError) as error:
            raise CorruptCheckpointError(f"{path}: {MANIFEST} cannot be read: {error}") from error
        found = file_digests(path)
        for name in sorted(found.keys() | manifest.files.keys()):
            if found.get(name) != manifest.files.get(name):
                raise CorruptCheckpointError(f"{path / name} is not the file that was written")
        return cls(path, manifest)


def combine_digests(files: Mapping[str, str]) -> str:
    """Fold the digests of files into one.

    Args:
        files: sha256 in hexadecimal by relative path.

    Returns:
        sha256 over the sorted pairs, in hexadecimal.
    """
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()


def file_digests(directory: Path) -> dict[str, str]:
    """Hash every file below a directory but the manifest.

    Args:
        directory: Where to look.

    Returns:
        sha256 in hexadecimal by relative posix path.
    """
    files = (p for p in sorted(directory.rglob("*")) if p.is_file() and p.name != MANIFEST)
    return {p.relative_to(directory).as_posix(): _sha256(p) for p in files}


@contextmanager
def new_checkpoint(target: Path, manifest: Manifest) -> Iterator[Path]:
    """Write a checkpoint aside and move it into place whole.

    Args:
        target: Directory that must not exist yet.
        manifest: What to say of it; versions and file digests are filled in.

    Yields:
        A temporary directory beside the target, to put the files in.

    Raises:
        NonFiniteError: The section or a note holds a NaN or an infinity.
    """
    check_all_finite({"section": manifest.section, "notes": manifest.notes})
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield aside
        sealed = manifest.model_copy(
            update={"files": file_digests(aside), "versions": _library_versions()}
        )
        (aside / MANIFEST).write_text(sealed.model_dump_json(indent=2) + "\n", encoding="utf-8")
        aside.chmod(0o755)
        _sync_files(aside)
        aside.rename(target)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _sync_files(directory: Path) -> None:
    """Put the files on the disk before the rename makes them visible."""
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _library_versions() -> dict[str, str]:
    found = {}
    for name in _RECORDED_LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
