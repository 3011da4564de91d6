"""Bitext retrieval of a pulled model on files of texts and translations.

    python benchmarks/bitext.py MODEL FILE [FILE ...] [--source en]

MODEL is a folder of `coldpress pull`, with a model of kind `sentence-embedding`. A file has a text
and its translations in each line of JSON: the column `--source`, and a column for each language.
Prints one JSON line for each language of each file: the share of texts whose nearest translation by
cosine is their own, and the share of translations whose nearest text is their own.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldpress.onnx.predictor import Predictor


def main() -> None:
    """Judge the model by each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--source", default="en")
    arguments = parser.parse_args()
    predictor = Predictor(arguments.model)
    for file in arguments.files:
        for result in judge(predictor, file, arguments.source):
            print(json.dumps({"file": file.name, **result}))


def judge(predictor: Predictor, file: Path, source: str) -> Iterator[dict[str, float | int | str]]:
    """Yield the shares of both directions for each language.

    Args:
        predictor: Of a sentence embedding model.
        file: JSON lines with the column `source`; the others are languages.
        source: Name of a column.
    """
    lines = file.read_text(encoding="utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line.strip()]
    vectors = {name: embed(predictor, [row[name] for row in rows]) for name in rows[0]}
    own = np.arange(len(rows))
    for language in sorted(vectors.keys() - {source}):
        cosines = vectors[source] @ vectors[language].T
        yield {
            "language": language,
            "texts": len(rows),
            "rank1_to_translation": float((cosines.argmax(axis=1) == own).mean()),
            "rank1_to_source": float((cosines.argmax(axis=0) == own).mean()),
        }


def embed(predictor: Predictor, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the vectors of texts with length 1, shape (texts, dimension)."""
    vectors = np.array([r["vector"] for r in predictor.predict(texts)], dtype=np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


if __name__ == "__main__":
    main()
