"""Which tokens a corpus needs to be cut into the very same tokens without all the others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tokenizers import Tokenizer

from coldpress.errors import InputError

_BATCH_SIZE = 1000
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")


def needed_tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> set[int]:
    """Choose the tokens that must stay.

    Those that the texts are cut into; special and added ones; single characters, so that words
    yet unseen are spelt rather than unknown; and what the kind of tokenizer needs beyond these.

    Args:
        tokenizer: WordPiece, BPE or Unigram.
        texts: The corpus. Truncation is left out of account: a word across the limit is cut into
            the same tokens too.

    Returns:
        Their ids.

    Raises:
        InputError: The tokenizer is of another kind.
    """
    described = json.loads(tokenizer.to_str())
    more = _token_closure(described["model"])
    added = {token["id"] for token in described["added_tokens"]}
    around = {*tokenizer.encode("").ids, *tokenizer.encode("", "").ids}
    padding = {tokenizer.padding["pad_id"]} if tokenizer.padding else set[int]()
    return more(set(iter_token_ids(tokenizer, texts)) | added | around | padding)


def iter_token_ids(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[int]:
    """Cut texts into tokens, whole and without special tokens around them.

    Args:
        tokenizer: Any, left as it is.
        texts: Any.

    Yields:
        Ids, text after text.
    """
    whole = Tokenizer.from_str(tokenizer.to_str())
    whole.no_truncation()
    whole.no_padding()
    for start in range(0, len(texts), _BATCH_SIZE):
        some = list(texts[start : start + _BATCH_SIZE])
        for encoding in whole.encode_batch(some, add_special_tokens=False):
            yield from encoding.ids


def check_tokenizer_type(tokenizer: Tokenizer) -> None:
    """Check that a tokenizer can lose tokens.

    Args:
        tokenizer: Any. Files may leave its type out; the library infers it.

    Raises:
        InputError: It is none of WordPiece, BPE and Unigram.
    """
    _token_closure(json.loads(tokenizer.to_str())["model"])


TokenClosure = Callable[[set[int]], set[int]]
"""From the tokens that texts are cut into to all that have to stay for it."""


def _token_closure(model: Mapping[str, Any]) -> TokenClosure:
    kinds = {"WordPiece": _wordpiece, "BPE": _bpe, "Unigram": _unigram}
    kind = model.get("type")
    if kind not in kinds:
        known = ", ".join(kinds)
        raise InputError(
            f"prune: vocabulary: the tokenizer is {kind}, which is not one of: {known}"
        )
    return kinds[kind](model)


def _wordpiece(model: Mapping[str, Any]) -> TokenClosure:
    """A longest match stays the longest when others go: nothing beyond the characters."""
    prefix, ids = model["continuing_subword_prefix"], model["vocab"]
    always = {ids[token] for token in ids if len(token.removeprefix(prefix)) == 1}
    always |= _matching_ids(ids, model["unk_token"])
    return lambda used: used | always


def _bpe(model: Mapping[str, Any]) -> TokenClosure:
    """What a token was merged from, down to the alphabet: every merge that is made stays."""
    ids: Mapping[str, int] = model["vocab"]
    prefix, suffix = (model.get(f"{name}") or "" for name in _AFFIXES)
    always = {
        ids[token]
        for token in ids
        if len(token.removeprefix(prefix).removesuffix(suffix)) == 1 or _BYTE.fullmatch(token)
    }
    always |= _matching_ids(ids, model.get("unk_token"))
    parents: dict[int, set[int]] = {}
    for left, right in merges(model):
        parents.setdefault(ids[left + right.removeprefix(prefix)], set()).update(
            (ids[left], ids[right])
        )
    return lambda used: _with_ancestors(used | always, parents)


_AFFIXES = ("continuing_subword_prefix", "end_of_word_suffix")


def merges(model: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Read the merges of a BPE tokenizer, which are written in one of two ways.

    Args:
        model: The `model` of a tokenizer.json.

    Yields:
        Two tokens that become one, in order of rank.
    """
    for merge in model["merges"]:
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        yield left, right


def _matching_ids(ids: Mapping[str, int], token: str | None) -> set[int]:
    return {at for known, at in ids.items() if known == token}


def _with_ancestors(tokens: Iterable[int], parents: Mapping[int, set[int]]) -> set[int]:
    known: set[int] = set()
    waiting = list(tokens)
    while waiting:
        token = waiting.pop()
        if token not in known:
            known.add(token)
            waiting += parents.get(token, ())
    return known


def _unigram(model: Mapping[str, Any]) -> TokenClosure:
    """The likeliest cut stays so; an unknown character costs 10 more than the least score."""
    pieces: Sequence[tuple[str, float]] = model["vocab"]
    always = {
        at for at, (piece, _) in enumerate(pieces) if len(piece) == 1 or _BYTE.fullmatch(piece)
    }
    always.add(min(range(len(pieces)), key=lambda at: pieces[at][1]))
    if model.get("unk_id") is not None:
        always.add(model["unk_id"])
    return lambda used: used | always
