"""Tokenization of rows in parts, since the tokenizer's own record of a row takes kilobytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

    from coldpress.data.splits import Split

_PART = 1024


def tokenize_parts(
    tokenizer: Tokenizer, split: Split
) -> Iterator[tuple[Sequence[Encoding], Split]]:
    """Tokenize rows without padding.

    Args:
        tokenizer: Its padding is the same in each part and afterwards as before.
        split: The rows.

    Yields:
        The records of a part, and its rows; at least one part.
    """
    for part in _parts(split):
        padding = tokenizer.padding
        tokenizer.no_padding()
        # Only words need the places of tokens in the text.
        encode = tokenizer.encode_batch if split.words else tokenizer.encode_batch_fast
        encodings = encode(_inputs(part))
        if padding:
            tokenizer.enable_padding(**padding)
        yield encodings, part


def _parts(split: Split) -> Iterator[Split]:
    if len(split) <= _PART:
        yield split
        return
    for start in range(0, len(split), _PART):
        yield split.take(range(start, min(start + _PART, len(split))))


def _inputs(split: Split) -> list[str] | list[tuple[str, str]]:
    if split.pairs is None:
        return list(split.texts)
    return list(zip(split.texts, split.pairs, strict=True))
