"""`coldpress predict` and `coldpress pull`: use a registered model without Prefect or torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.errors import CorruptCheckpointError, InputError
from coldpress.model.checkpoint import Checkpoint
from coldpress.onnx import predictor
from flows.cli.staging import find_target, move_into_place, staging_folder
from tasks.tracking import embedded_versions
from tasks.tracking.embedded_versions import EmbeddedVersion

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CHECKSUM_FILE = "SHA256SUMS"


def predictions(model: str, texts: Sequence[str], pairs: Sequence[str]) -> list[str]:
    """Predict for texts with a registered model.

    Args:
        model: `name`, `name@alias` or `name/version`.
        texts: The texts to classify.
        pairs: The second text of each text pair; empty for single texts. A ranking model takes
            any number of documents for a single query.

    Returns:
        One JSON line per text; for several documents of a query, one per document, best first.

    Raises:
        InputError: There is no text, `pairs` does not match `texts` or the model, or the model is
            not deployable.
    """
    if not texts:
        raise InputError("TEXT: give at least one text")
    with open_deployable(find_version(model)) as checkpoint:
        classifier = predictor.Predictor(checkpoint.path)
        if classifier.pairs is not None and classifier.pairs is not bool(pairs):
            raise InputError(f"--pair: {model} takes {_input_kind(classifier.pairs)} texts")
        one_query = classifier.kind == "ranking" and len(texts) == 1
        if pairs and len(pairs) != len(texts) and not one_query:
            raise InputError(f"--pair: {len(pairs)} given for {len(texts)} texts")
        try:
            rows = _predict(classifier, texts, pairs)
        except ValueError as error:
            raise InputError(f"TEXT: {error}") from error
    return [json.dumps(row, ensure_ascii=False) for row in rows]


def _predict(
    classifier: predictor.Predictor, texts: Sequence[str], pairs: Sequence[str]
) -> list[dict[str, Any]]:
    """Predict pair by pair; several second texts of a single query are sorted by their scores."""
    if len(pairs) > len(texts):
        return classifier.rank(texts[0], pairs)
    return classifier.predict(texts, pairs or None)


def _input_kind(pairs: bool) -> str:
    return "pairs of" if pairs else "single"


def pull_model(model: str, directory: Path) -> None:
    """Copy a model's deployable files, its card and `predictor.py` into a folder.

    Args:
        model: `name`, `name@alias` or `name/version`.
        directory: Must not exist yet, or be empty.

    Raises:
        InputError: The folder is in use, or the model is not deployable.
    """
    from tasks.tracking import registry, reports

    target = find_target(directory)
    version = registry.resolve(model)
    with open_deployable(version) as checkpoint, staging_folder(target, directory) as staging:
        folder = staging / "model"
        folder.mkdir()
        mode = folder.stat().st_mode
        shutil.copytree(checkpoint.path, folder, dirs_exist_ok=True)
        folder.chmod(mode)  # copytree gives it that of the source, which is private
        shutil.copyfile(predictor.__file__, folder / "predictor.py")
        card = reports.find_document(version, reports.CARD)
        if card is not None:
            (folder / "README.md").write_text(card, encoding="utf-8")
        (folder / CHECKSUM_FILE).write_text(_checksums(folder), encoding="utf-8")
        move_into_place(folder, target, last="model.onnx")


def _checksums(folder: Path) -> str:
    """The digests of all files, in the format of `sha256sum --check`."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    return "".join(f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths)


@contextmanager
def _explain_corruption(reference: str) -> Iterator[None]:
    """Name the version whose files are missing or changed, and the remedy."""
    try:
        yield
    except CorruptCheckpointError as error:
        remedy = "run its recipe again to recreate them"
        message = f"{reference}: its files are missing or were changed; {remedy} ({error})"
        raise CorruptCheckpointError(message) from error


def find_version(model: str) -> ModelVersion | EmbeddedVersion:
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


def _open_version(version: ModelVersion | EmbeddedVersion) -> AbstractContextManager[Checkpoint]:
    if isinstance(version, EmbeddedVersion):
        return nullcontext(version.open())
    from tasks.tracking import artifacts

    return artifacts.open_checkpoint(str(version.source))


def _no_file_note(reference: str) -> str:
    from tasks.tracking import registry, reports

    return reports.no_file_note(registry.resolve(reference))


@contextmanager
def open_deployable(version: ModelVersion | EmbeddedVersion) -> Iterator[Checkpoint]:
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
