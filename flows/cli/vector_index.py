"""An index of a corpus: the folder that `coldpress pull` writes, with vectors and texts.

A search ranks all documents by bits and the first hits by bytes; it needs neither MLflow nor torch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldpress.data.judge import Corpus, read_corpus
from coldpress.errors import InputError
from coldpress.kinds.retrieval import normalize_rows
from coldpress.kinds.stored_vectors import StoredVectors, store_vectors
from coldpress.onnx.predictor import Predictor
from flows.cli.predict import pull_model
from flows.cli.staging import find_target, move_into_place, staging_folder
from tasks.tracking.pulled_folder import CHECKSUM_FILE

_VECTORS = "vectors.npz"
_DOCUMENTS = "documents.json"


def build_index(model: str, corpus: Path, directory: Path) -> str:
    """Encode a corpus with a registered model.

    Args:
        model: `name`, `name@alias` or `name/version`.
        corpus: Documents with `_id`, `text` and optionally `title`.
        directory: Must not exist yet, be empty, or be an index, which is replaced once the new one
            is complete.

    Returns:
        The size of the index in one line.

    Raises:
        InputError: A row is invalid, the folder is in use, or the model returns no vectors.
    """
    documents = read_corpus(corpus, "CORPUS")
    target = find_target(directory, replaceable=_is_index)
    with staging_folder(target, directory) as staging:
        folder = staging / "index"
        pull_model(model, folder)
        vectors = _encode(_open_model(folder), documents.texts)
        _write(folder, store_vectors(vectors), documents)
        size = (folder / _VECTORS).stat().st_size
        move_into_place(folder, target, last=_VECTORS)
    return f"{len(vectors)} documents, {size / 1e6:.1f} MB of vectors"


def search(directory: Path, query: str, top: int) -> list[str]:
    """Find the documents that are nearest to a query.

    Args:
        directory: Written by `build_index`.
        query: The text to search for.
        top: Number of documents.

    Returns:
        One JSON line per document, best first.

    Raises:
        InputError: The folder is not an index, or `top` is not positive.
    """
    if top < 1:
        raise InputError(f"--top: {top}, but at least 1 is needed")
    stored, documents = _read(directory)
    (unit,) = normalize_rows(_encode(_open_model(directory), [query]))
    numbers, cosines = stored.search(unit, top)
    ids = list(documents.numbers)
    hits = [
        {"_id": ids[number], "score": round(cosine, 4), "text": documents.texts[number]}
        for number, cosine in zip(numbers.tolist(), cosines.tolist(), strict=True)
    ]
    return [json.dumps(hit, ensure_ascii=False) for hit in hits]


def _open_model(directory: Path) -> Predictor:
    model = Predictor(directory)
    if not model.returns_vectors:
        raise InputError(f"model: it is for {model.kind}, and returns no vectors")
    return model


def _encode(model: Predictor, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the vectors of texts, shape (texts, dimension)."""
    vectors = np.empty((len(texts), model.output_size), dtype=np.float32)
    for number, text in enumerate(texts):
        try:
            (record,) = model.predict([text])
        except ValueError as error:
            raise InputError(f"QUERY: {error}") from error
        vectors[number] = record["vector"]
    return vectors


def _is_index(folder: Path) -> bool:
    """True if a folder has an index and nothing else, which could be lost."""
    checksums = folder / CHECKSUM_FILE
    if not checksums.is_file() or not (folder / _VECTORS).is_file():
        return False
    pulled = {line.split("  ", 1)[1] for line in checksums.read_text(encoding="utf-8").splitlines()}
    names = {path.name for path in folder.iterdir()}
    return names <= pulled | {CHECKSUM_FILE, _VECTORS, _DOCUMENTS}


def _write(directory: Path, stored: StoredVectors, documents: Corpus) -> None:
    content = {"ids": list(documents.numbers), "texts": documents.texts}
    (directory / _DOCUMENTS).write_text(json.dumps(content), encoding="utf-8")
    np.savez(directory / _VECTORS, numbers=stored.numbers, scales=stored.scales, bits=stored.bits)


def _read(directory: Path) -> tuple[StoredVectors, Corpus]:
    if not (directory / _VECTORS).is_file():
        raise InputError(f"DIR: {directory} is no complete index; write one with coldpress index")
    with np.load(directory / _VECTORS, allow_pickle=False) as arrays:
        stored = StoredVectors(arrays["numbers"], arrays["scales"], arrays["bits"])
    content = json.loads((directory / _DOCUMENTS).read_text(encoding="utf-8"))
    numbers = {name: number for number, name in enumerate(content["ids"])}
    return stored, Corpus(numbers, tuple(content["texts"]))
