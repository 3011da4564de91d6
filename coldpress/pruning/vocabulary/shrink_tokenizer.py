"""A tokenizer with fewer tokens: what stays keeps its order and is numbered from zero."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tokenizers import Tokenizer

from coldpress.pruning.vocabulary.needed_tokens import iter_token_ids, merges

NewIds = Mapping[int, int]
"""From a token's old id to its new one; what is missing goes."""


def shrink_tokenizer(tokenizer: Tokenizer, stay: Sequence[int]) -> Tokenizer:
    """Build a tokenizer of some of another's tokens.

    Args:
        tokenizer: WordPiece, BPE or Unigram; left as it is.
        stay: Ids, ascending; the new ids are their places.

    Returns:
        A tokenizer with the same normalization, truncation and special tokens.

    Raises:
        ValueError: A token would have another id than its place.
    """
    new = {old: place for place, old in enumerate(stay)}
    described = json.loads(tokenizer.to_str())
    model = described["model"]
    _SHRINK_MODEL[model["type"]](model, new)
    added = described["added_tokens"]
    described["added_tokens"] = [{**token, "id": new[token["id"]]} for token in added]
    _renumber_post_processor(described["post_processor"] or {}, new)
    _renumber_padding(described, new)
    shorter = Tokenizer.from_str(json.dumps(described))
    numbers = shorter.get_vocab()
    for token, old in tokenizer.get_vocab().items():
        if old in new and numbers.get(token) != new[old]:
            raise ValueError(f"token {token!r} has the id {numbers.get(token)}, not {new[old]}")
    return shorter


def check_texts(old: Tokenizer, new: Tokenizer, texts: Sequence[str]) -> None:
    """Make sure that texts are cut into the same tokens by both.

    Args:
        old: The tokenizer before.
        new: The tokenizer after.
        texts: The corpus.

    Raises:
        ValueError: They are not.
    """
    for before, after in zip(iter_token_ids(old, texts), iter_token_ids(new, texts), strict=True):
        if old.id_to_token(before) != new.id_to_token(after):
            raise ValueError(f"{old.id_to_token(before)!r} became {new.id_to_token(after)!r}")


def _shrink_wordpiece(model: dict[str, Any], new: NewIds) -> None:
    model["vocab"] = {token: new[at] for token, at in model["vocab"].items() if at in new}


def _shrink_bpe(model: dict[str, Any], new: NewIds) -> None:
    _shrink_wordpiece(model, new)
    prefix, stay = model.get("continuing_subword_prefix") or "", model["vocab"]
    model["merges"] = [
        [left, right]
        for left, right in merges(model)
        if {left, right, left + right.removeprefix(prefix)} <= stay.keys()
    ]


def _shrink_unigram(model: dict[str, Any], new: NewIds) -> None:
    model["vocab"] = [piece for at, piece in enumerate(model["vocab"]) if at in new]
    if model.get("unk_id") is not None:
        model["unk_id"] = new[model["unk_id"]]


def _renumber_padding(described: dict[str, Any], new: NewIds) -> None:
    if described["padding"]:
        described["padding"]["pad_id"] = new[described["padding"]["pad_id"]]


_SHRINK_MODEL: Mapping[str, Callable[[dict[str, Any], NewIds], None]] = {
    "WordPiece": _shrink_wordpiece,
    "BPE": _shrink_bpe,
    "Unigram": _shrink_unigram,
}


def _renumber_post_processor(processor: dict[str, Any], new: NewIds) -> None:
    """Change the ids of what is put around a text: each kind of processor has them elsewhere."""
    for inner in processor.get("processors", ()):
        _renumber_post_processor(inner, new)
    for end in ("cls", "sep"):
        if end in processor:
            token, at = processor[end]
            processor[end] = [token, new[at]]
    for special in processor.get("special_tokens", {}).values():
        special["ids"] = [new[at] for at in special["ids"]]
