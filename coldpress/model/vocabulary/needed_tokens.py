"""The tokens that are needed to tokenize a corpus as before, or most of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from tokenizers import Tokenizer

from coldpress.errors import InputError

_BATCH_SIZE = 1000
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")


def needed_tokens(tokenizer: Tokenizer, texts: Sequence[str], min_texts: int = 1) -> set[int]:
    """Choose the tokens to keep.

    Args:
        tokenizer: WordPiece, BPE or Unigram.
        texts: The corpus. Truncation is ignored: a word across the limit keeps its tokens, too.
        min_texts: Least number of texts that contain a token.

    Returns:
        Token ids.

    Raises:
        ValueError: The tokenizer has another type.
    """
    counts = Counter(chain.from_iterable(map(set, iter_encodings(tokenizer, texts))))
    frequent = {token for token, count in counts.items() if count >= min_texts}
    return complete_tokens(tokenizer, frequent)


def complete_tokens(tokenizer: Tokenizer, token_ids: set[int]) -> set[int]:
    """Add the tokens without which the tokenizer would not produce the given ones.

    These are special and added tokens, single characters (so that new words are spelt rather than
    unknown), and whatever else the type of tokenizer needs.

    Args:
        tokenizer: WordPiece, BPE or Unigram.
        token_ids: Tokens of the texts.

    Returns:
        Token ids.

    Raises:
        ValueError: The tokenizer has another type.
    """
    config = json.loads(tokenizer.to_str())
    closure = _token_closure(config["model"])
    added = {token["id"] for token in config["added_tokens"]}
    special = {*tokenizer.encode("").ids, *tokenizer.encode("", "").ids}
    padding = {tokenizer.padding["pad_id"]} if tokenizer.padding else set[int]()
    return closure(token_ids | added | special | padding)


def iter_encodings(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[list[int]]:
    """Tokenize texts without truncation, padding or special tokens.

    Args:
        tokenizer: Any tokenizer; not changed.
        texts: Any texts.

    Yields:
        The token ids of each text.
    """
    unlimited = Tokenizer.from_str(tokenizer.to_str())
    unlimited.no_truncation()
    unlimited.no_padding()
    for start in range(0, len(texts), _BATCH_SIZE):
        batch = list(texts[start : start + _BATCH_SIZE])
        for encoding in unlimited.encode_batch(batch, add_special_tokens=False):
            yield encoding.ids


def check_tokenizer_type(tokenizer: Tokenizer, field: str) -> None:
    """Check that the vocabulary of a tokenizer can be reduced.

    Args:
        tokenizer: Any tokenizer. If its file does not name the type, the library infers it.
        field: The recipe's field that asks for it, for the message.

    Raises:
        InputError: It is not WordPiece, BPE or Unigram.
    """
    try:
        _token_closure(json.loads(tokenizer.to_str())["model"])
    except ValueError as error:
        raise InputError(f"{field}: {error}") from error


TokenClosure = Callable[[set[int]], set[int]]
"""Extends the tokens of the texts by all tokens that are needed to produce them."""


def _token_closure(model: Mapping[str, Any]) -> TokenClosure:
    closures = {"WordPiece": _wordpiece, "BPE": _bpe, "Unigram": _unigram}
    tokenizer_type = model.get("type")
    if tokenizer_type not in closures:
        supported = ", ".join(closures)
        raise ValueError(f"the tokenizer is {tokenizer_type}, which is not one of: {supported}")
    return closures[tokenizer_type](model)


def _wordpiece(model: Mapping[str, Any]) -> TokenClosure:
    """Add single characters: the longest match stays the longest if other tokens are removed."""
    prefix = model["continuing_subword_prefix"]
    ids = model["vocab"]
    required = {ids[token] for token in ids if len(token.removeprefix(prefix)) == 1}
    required |= _matching_ids(ids, model["unk_token"])
    return lambda tokens: tokens | required


def _bpe(model: Mapping[str, Any]) -> TokenClosure:
    """Add the tokens that each token was merged from, down to single characters and bytes."""
    ids: Mapping[str, int] = model["vocab"]
    prefix, suffix = (model.get(f"{name}") or "" for name in _AFFIXES)
    required = {
        ids[token]
        for token in ids
        if len(token.removeprefix(prefix).removesuffix(suffix)) == 1 or _BYTE.fullmatch(token)
    }
    required |= _matching_ids(ids, model.get("unk_token"))
    parents: dict[int, set[int]] = {}
    for first, second in merges(model):
        merged = ids[first + second.removeprefix(prefix)]
        parents.setdefault(merged, set()).update((ids[first], ids[second]))
    return lambda tokens: _with_ancestors(tokens | required, parents)


_AFFIXES = ("continuing_subword_prefix", "end_of_word_suffix")


def merges(model: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Read the merges of a BPE tokenizer, from either of their two file formats.

    Args:
        model: The `model` of a tokenizer.json.

    Yields:
        Two tokens that are merged, in order of rank.
    """
    for merge in model["merges"]:
        first, second = merge.split(" ") if isinstance(merge, str) else merge
        yield first, second


def _matching_ids(ids: Mapping[str, int], token: str | None) -> set[int]:
    return {token_id for name, token_id in ids.items() if name == token}


def _with_ancestors(tokens: Iterable[int], parents: Mapping[int, set[int]]) -> set[int]:
    closure: set[int] = set()
    pending = list(tokens)
    while pending:
        token = pending.pop()
        if token not in closure:
            closure.add(token)
            pending += parents.get(token, ())
    return closure


def _unigram(model: Mapping[str, Any]) -> TokenClosure:
    """Add single characters, bytes and the piece of the lowest score.

    The most likely segmentation stays so if other pieces are removed; but the score of an unknown
    character is 10 below the lowest one.
    """
    pieces: Sequence[tuple[str, float]] = model["vocab"]
    required = {
        index
        for index, (piece, _) in enumerate(pieces)
        if len(piece) == 1 or _BYTE.fullmatch(piece)
    }
    required.add(min(range(len(pieces)), key=lambda index: pieces[index][1]))
    if model.get("unk_id") is not None:
        required.add(model["unk_id"])
    return lambda tokens: tokens | required
