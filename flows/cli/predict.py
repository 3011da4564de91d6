"""`coldpress predict` and `coldpress pull`: use a model without Prefect or torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coldpress.errors import CorruptCheckpointError, InputError
from coldpress.onnx import predictor
from flows.cli.staging import find_target, move_into_place, staging_folder
from tasks.tracking import pulled_folder
from tasks.tracking.deployable import find_version, open_deployable


def predictions(model: str, texts: Sequence[str], pairs: Sequence[str]) -> list[str]:
    """Predict for texts with a registered model or a pulled folder.

    Args:
        model: `name`, `name@alias`, `name/version`, or a folder with `model.onnx`.
        texts: The texts to classify.
        pairs: The second text of each text pair; empty for single texts. A ranking model takes
            any number of documents for a single query.

    Returns:
        One JSON line per text; for several documents of a query, one per document, best first.

    Raises:
        InputError: There is no text, `pairs` does not match `texts` or the model, or the model is
            not deployable.
        CorruptCheckpointError: A file is missing or was changed.
    """
    if not texts:
        raise InputError("TEXT: give at least one text")
    with _open_model(model) as classifier:
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


@contextmanager
def _open_model(model: str) -> Iterator[predictor.Predictor]:
    folder = pulled_folder.find_folder(model)
    if folder is None:
        with open_deployable(find_version(model)) as checkpoint:
            yield predictor.Predictor(checkpoint.path)
    else:
        pulled_folder.require_checksums(folder)
        yield _load_pulled(folder)


def _load_pulled(folder: Path) -> predictor.Predictor:
    try:
        return predictor.Predictor(folder)
    except (OSError, ValueError) as error:
        raise CorruptCheckpointError(str(error)) from error  # it names the file


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
        model: `name`, `name@alias` or `name/version`; a name alone means the newest version that
            was evaluated on this machine's processor, if there is one.
        directory: Must not exist yet, or be empty.

    Raises:
        InputError: The folder is in use, or the model is not deployable.
    """
    from tasks.tracking import processors, reports

    target = find_target(directory)
    version = processors.resolve_for_this_processor(model)
    with open_deployable(version) as checkpoint, staging_folder(target, directory) as staging:
        folder = staging / "model"
        folder.mkdir()
        mode = folder.stat().st_mode
        shutil.copytree(checkpoint.path, folder, dirs_exist_ok=True)
        folder.chmod(mode)  # copytree gives it that of the source, which is private
        shutil.copyfile(predictor.__file__, folder / "predictor.py")
        card = reports.find_document(version, reports.CARD)
        if card is not None:
            (folder / pulled_folder.CARD_FILE).write_text(card, encoding="utf-8")
        names = [path.name for path in folder.iterdir() if path.is_file()]
        checksums = pulled_folder.list_checksums(folder, names)
        (folder / pulled_folder.CHECKSUM_FILE).write_text(checksums, encoding="utf-8")
        move_into_place(folder, target, last="model.onnx")
