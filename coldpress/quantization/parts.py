"""The parts of a classifier that quantization treats, and tells of, as one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from coldpress.model import Classifier

LOGITS = "logits"
"""The part that gives them; it keeps the most bits that there may be."""


@dataclass(frozen=True)
class Part:
    """Modules with weights that lie side by side.

    Attributes:
        name: What a reader calls them, as in `attention of layer 1`.
        paths: Of the linear modules or tables.
        weights: How many there are.
    """

    name: str
    paths: tuple[str, ...]
    weights: int


def parts(classifier: Classifier) -> tuple[Part, ...]:
    """Divide a classifier into parts.

    Args:
        classifier: In float32 or quantized.

    Returns:
        Its parts from the tables to the logits; every table and linear module is in one of them.
    """
    return tuple(part for part in _all(classifier) if part.paths)


def _all(classifier: Classifier) -> Iterator[Part]:
    table, known = classifier.architecture, dict(classifier.module.named_modules())
    tables = (table.word_embeddings, table.position_embeddings, table.segment_embeddings)
    yield _part("embeddings", known, *(f"{table.encoder}.{name}" for name in tables))
    projection = f"{table.encoder}.{table.embedding_projection}"
    yield _part("embedding projection", known, projection)
    for number in range(len(classifier.layers)):
        layer = f"{table.encoder}.{table.layers}.{number}"
        attention = (table.query, table.key, table.value, table.attention_output)
        paths = [f"{layer}.{role}" for role in attention]
        yield _part(f"attention of layer {number + 1}", known, *paths)
        paths = [f"{layer}.{role}" for role in (table.up, table.down)]
        yield _part(f"feed-forward of layer {number + 1}", known, *paths)
    yield _part("pooler", known, table.pooler)
    yield _part(LOGITS, known, table.output)


def _part(name: str, known: dict[str, nn.Module], *paths: str) -> Part:
    there = tuple(path for path in paths if path in known)
    return Part(name, there, sum(known[path].get_parameter("weight").numel() for path in there))
