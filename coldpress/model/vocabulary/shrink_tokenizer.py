"""Build a tokenizer with fewer tokens: they keep their order and are numbered from zero."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

from tokenizers import Tokenizer

from coldpress.model.vocabulary.needed_tokens import iter_encodings, merges

NewIds = Mapping[int, int]
"""From a token's old id to its new one; removed tokens are missing."""


def shrink_tokenizer(tokenizer: Tokenizer, token_ids: Sequence[int]) -> Tokenizer:
    """Build a tokenizer from some of the tokens of another.

    Args:
        tokenizer: WordPiece, BPE or Unigram; not changed.
        token_ids: Ascending ids of the tokens to keep; their positions are the new ids.

    Returns:
        A tokenizer with the same normalization, truncation and special tokens.

    Raises:
        ValueError: The new tokenizer gives a token another id.
    """
    new_ids = {old: new for new, old in enumerate(token_ids)}
    config = json.loads(tokenizer.to_str())
    model = config["model"]
    _SHRINK_MODEL[model["type"]](model, new_ids)
    added = config["added_tokens"]
    config["added_tokens"] = [{**token, "id": new_ids[token["id"]]} for token in added]
    _renumber_post_processor(config["post_processor"] or {}, new_ids)
    _renumber_padding(config, new_ids)
    shrunk = Tokenizer.from_str(json.dumps(config))
    vocabulary = shrunk.get_vocab()
    for token, old in tokenizer.get_vocab().items():
        if old in new_ids and vocabulary.get(token) != new_ids[old]:
            raise ValueError(
                f"token {token!r} has the id {vocabulary.get(token)}, not {new_ids[old]}"
            )
    return shrunk


def check_texts(old: Tokenizer, new: Tokenizer, texts: Sequence[str]) -> None:
    """Check that both tokenizers split texts into the same tokens.

    Args:
        old: The tokenizer before pruning.
        new: The tokenizer after pruning.
        texts: The corpus.

    Raises:
        ValueError: A token differs.
    """
    ids = (chain.from_iterable(iter_encodings(tokenizer, texts)) for tokenizer in (old, new))
    for before, after in zip(*ids, strict=True):
        if old.id_to_token(before) != new.id_to_token(after):
            raise ValueError(f"{old.id_to_token(before)!r} became {new.id_to_token(after)!r}")


def _shrink_wordpiece(model: dict[str, Any], new_ids: NewIds) -> None:
    vocabulary = model["vocab"]
    model["vocab"] = {token: new_ids[old] for token, old in vocabulary.items() if old in new_ids}


def _shrink_bpe(model: dict[str, Any], new_ids: NewIds) -> None:
    _shrink_wordpiece(model, new_ids)
    prefix = model.get("continuing_subword_prefix") or ""
    vocabulary = model["vocab"]
    model["merges"] = [
        [first, second]
        for first, second in merges(model)
        if {first, second, first + second.removeprefix(prefix)} <= vocabulary.keys()
    ]


def _shrink_unigram(model: dict[str, Any], new_ids: NewIds) -> None:
    model["vocab"] = [piece for old, piece in enumerate(model["vocab"]) if old in new_ids]
    if model.get("unk_id") is not None:
        model["unk_id"] = new_ids[model["unk_id"]]


def _renumber_padding(config: dict[str, Any], new_ids: NewIds) -> None:
    if config["padding"]:
        config["padding"]["pad_id"] = new_ids[config["padding"]["pad_id"]]


_SHRINK_MODEL: Mapping[str, Callable[[dict[str, Any], NewIds], None]] = {
    "WordPiece": _shrink_wordpiece,
    "BPE": _shrink_bpe,
    "Unigram": _shrink_unigram,
}


def _renumber_post_processor(processor: dict[str, Any], new_ids: NewIds) -> None:
    """Change the ids of special tokens; each type of post-processor has them elsewhere."""
    for inner in processor.get("processors", ()):
        _renumber_post_processor(inner, new_ids)
    for end in ("cls", "sep"):
        if end in processor:
            token, old = processor[end]
            processor[end] = [token, new_ids[old]]
    for special in processor.get("special_tokens", {}).values():
        special["ids"] = [new_ids[old] for old in special["ids"]]
