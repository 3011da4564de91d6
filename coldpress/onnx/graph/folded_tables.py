"""Tables that are converted to float32 at export, so that a graph adds them without any operator.

The rows of positions that no text reaches are left out, and the row of a segment that all tokens
have is added to each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coldpress.model.classifier import Classifier
from coldpress.quantization.arithmetic.table import find_arithmetic

_FLOAT32_BITS = 32


@dataclass(frozen=True)
class FoldedTable:
    """A constant that replaces tables.

    Attributes:
        name: Name of the constant.
        rows: float32 of shape (rows, width).
        paths: Tables that the graph has no other constant of.
    """

    name: str
    rows: NDArray[np.float32]
    paths: tuple[str, ...]


def max_tokens(classifier: Classifier) -> int:
    """Return the largest number of tokens in a text.

    Args:
        classifier: Any classifier.

    Returns:
        The tokenizer's truncation, at most the model's own limit.
    """
    limit = int(classifier.config.max_position_embeddings)
    truncation = classifier.tokenizer.truncation
    return min(limit, truncation["max_length"]) if truncation else limit


def first_position(classifier: Classifier) -> int:
    """Return the first row of the position table that is used.

    Args:
        classifier: One with a position table.

    Returns:
        0, or the padding id, which is the position of padding, in families that count from it.
    """
    table = classifier.architecture
    if not table.embeddings.positions_from_padding:
        return 0
    module: Any = classifier.module.get_submodule(f"{table.encoder}.{table.embeddings.module}")
    return int(module.padding_idx)


def folded_tables(classifier: Classifier, inputs: tuple[str, ...]) -> dict[str, FoldedTable]:
    """Convert the tables of positions and segments.

    Args:
        classifier: In float32 or quantized.
        inputs: Names of the graph's inputs; without `token_type_ids` all tokens have segment 0.

    Returns:
        By the path of the table that is looked up. The positions are missing if float32 took more
        bytes than the whole table as it is stored.
    """
    table = classifier.architecture
    paths = {path for path, _ in classifier.module.named_modules()}
    segments = f"{table.encoder}.{table.embeddings.segments}"
    with_input = "token_type_ids" in inputs
    one_segment = segments if segments in paths and not with_input else None
    positions = _fold_positions(classifier, one_segment)
    folded = [_fold(classifier, segments)] if segments in paths and with_input else []
    return {item.paths[0]: item for item in [*folded, *([positions] if positions else [])]}


@torch.no_grad()
def _fold_positions(classifier: Classifier, segments: str | None) -> FoldedTable | None:
    embeddings = classifier.architecture.embeddings
    if embeddings.positions is None:
        return None
    path = f"{classifier.architecture.encoder}.{embeddings.positions}"
    table: Any = classifier.module.get_submodule(path)
    first = first_position(classifier)
    padding = 1 if embeddings.positions_from_padding else 0
    count = min(padding + max_tokens(classifier), table.num_embeddings - first)
    bits = find_arithmetic(path, table).precision(table).weight_bits
    if count * _FLOAT32_BITS > table.num_embeddings * bits:
        return None
    rows: Tensor = table(torch.arange(first, first + count))
    if segments is None:
        return FoldedTable(f"{path}.rows", rows.numpy(), (path,))
    segment = classifier.module.get_submodule(segments)(torch.zeros(1, dtype=torch.int64))
    return FoldedTable(f"{path}.rows", (rows + segment).numpy(), (path, segments))


@torch.no_grad()
def _fold(classifier: Classifier, path: str) -> FoldedTable:
    table: Any = classifier.module.get_submodule(path)
    rows: Tensor = table(torch.arange(table.num_embeddings))
    return FoldedTable(f"{path}.rows", rows.numpy(), (path,))
