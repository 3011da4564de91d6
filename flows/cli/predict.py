"""Answer with a registered model, or take its files away: neither needs Prefect nor torch."""

from __future__ import annotations

import json
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion

from coldpress.errors import CorruptCheckpointError, InputError
from coldpress.model.checkpoint import Checkpoint
from coldpress.onnx import predictor
from coldpress.schema import paths
from tasks.environment.streams import OutputError
from tasks.tracking import artifacts, registry, reports

_TEMPORARY_PREFIX = ".pulled."
_CHECKSUM_FILE = "SHA256SUMS"


def predictions(model: str, texts: Sequence[str], pairs: Sequence[str]) -> list[str]:
    """Answer texts.

    Args:
        model: `name`, `name@alias` or `name/version`.
        texts: What to classify.
        pairs: The second text of each, or nothing.

    Returns:
        One JSON line a text.

    Raises:
        InputError: No text, pairs that do not match, or no deployable model.
    """
    if not texts:
        raise InputError("TEXT: give at least one text")
    if pairs and len(pairs) != len(texts):
        raise InputError(f"--pair: {len(pairs)} given for {len(texts)} texts")
    with _open_deployable(registry.resolve(model)) as checkpoint:
        answering = predictor.Predictor(checkpoint.path)
        if answering.pairs is not None and answering.pairs is not bool(pairs):
            raise InputError(f"--pair: {model} answers {_input_kind(answering.pairs)} texts")
        try:
            answers = answering.predict(texts, pairs or None)
        except ValueError as error:
            raise InputError(f"TEXT: {error}") from error
    return [json.dumps(answer, ensure_ascii=False) for answer in answers]


def _input_kind(pairs: bool) -> str:
    return "pairs of" if pairs else "single"


def pull_model(model: str, directory: Path) -> None:
    """Copy a model's deployable files, its card and the code that answers into a folder.

    Args:
        model: `name`, `name@alias` or `name/version`.
        directory: Must not exist yet, or be empty.

    Raises:
        InputError: The folder is in use, or the model is not deployable.
    """
    target = _prepare_empty_folder(directory)
    version = registry.resolve(model)
    with _open_deployable(version) as checkpoint:
        # A folder that exists may be mounted, or the working directory of a shell: it stays.
        aside = Path(tempfile.mkdtemp(dir=_staging_parent(target), prefix=_TEMPORARY_PREFIX))
        try:
            shutil.copytree(checkpoint.path, aside, dirs_exist_ok=True)
            shutil.copyfile(predictor.__file__, aside / "predictor.py")
            card = reports.find_document(version, reports.CARD)
            if card is not None:
                (aside / "README.md").write_text(card, encoding="utf-8")
            (aside / _CHECKSUM_FILE).write_text(_checksums(aside), encoding="utf-8")
            _move_into_place(aside, target)
        except OSError as error:
            raise OutputError(error.errno, error.strerror, str(directory)) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _checksums(folder: Path) -> str:
    """Write the digests of all files as `sha256sum --check` reads them."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    return "".join(f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths)


def _prepare_empty_folder(directory: Path) -> Path:
    """Make sure that a folder can be written; the one that it is in is made."""
    try:
        target = paths.validate_path(directory).resolve()
        if target.exists() and (not target.is_dir() or _entries(target)):
            raise InputError(f"DIR: {directory} exists and is not an empty folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=_staging_parent(target)).close()
    except (OSError, ValueError) as error:
        raise InputError(f"DIR: {error}") from error
    return target


def _entries(target: Path) -> list[Path]:
    """What is in a folder, but for what a killed `pull` left there."""
    return [path for path in target.iterdir() if not path.name.startswith(_TEMPORARY_PREFIX)]


def _staging_parent(target: Path) -> Path:
    return target if target.exists() else target.parent


def _move_into_place(aside: Path, target: Path) -> None:
    """Move whole, or, into a folder that exists, file by file; the model last."""
    if not target.exists():
        aside.chmod(_default_folder_mode(aside))
        aside.replace(target)
        return
    for path in sorted(aside.iterdir(), key=lambda path: path.name == "model.onnx"):
        path.replace(target / path.name)


def _default_folder_mode(aside: Path) -> int:
    """What a folder gets that is simply made here: temporary ones are for their owner alone."""
    (plain := aside / "plain").mkdir()
    mode = stat.S_IMODE(plain.stat().st_mode)
    plain.rmdir()
    return mode


@contextmanager
def _explain_corruption(named: str) -> Iterator[None]:
    """Say whose files are gone, and what makes them again."""
    try:
        yield
    except CorruptCheckpointError as error:
        again = "pressing its recipe again makes them anew"
        message = f"{named}: its files are gone or not those that were written; {again} ({error})"
        raise CorruptCheckpointError(message) from error


@contextmanager
def _open_deployable(version: ModelVersion) -> Iterator[Checkpoint]:
    named = f"{version.name}/{version.version}"
    with _explain_corruption(named), artifacts.open_checkpoint(str(version.source)) as checkpoint:
        if not (checkpoint.path / "model.onnx").exists():
            stage = version.tags.get("stage", "another stage")
            raise InputError(f"model: {named} is a checkpoint of {stage}, not an ONNX model")
        registered = version.tags.get("digest", checkpoint.digest)
        if checkpoint.digest != registered:
            raise CorruptCheckpointError(f"registered as {registered}, found {checkpoint.digest}")
        yield checkpoint
