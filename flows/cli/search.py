"""`coldpress index` and `coldpress search-index`: search a corpus with a registered model."""

from __future__ import annotations

import sys
from pathlib import Path


def index(model: str, corpus: Path, directory: Path, /) -> None:
    """Encode a corpus with a sentence embedding model, into a folder to search in.

    Args:
        model: `name`, `name@alias` or `name/version`.
        corpus: Documents with `_id`, `text` and optionally `title`: .jsonl, .csv or .parquet.
        directory: A folder that does not exist yet, is empty, or is an index, which is replaced.
    """
    from flows.cli.vector_index import build_index

    sys.stdout.write(f"{build_index(model, corpus, directory)}\n")


def search_index(directory: Path, query: str, /, *, top: int = 10) -> None:
    """Print the documents of an index that are nearest to a query, one JSON line each.

    Args:
        directory: A folder that `coldpress index` wrote.
        query: The text to search for.
        top: Number of documents.
    """
    from flows.cli.vector_index import search

    for line in search(directory, query, top):
        sys.stdout.write(f"{line}\n")
