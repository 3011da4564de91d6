"""What texts look like to a model, kept in numbers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tokenizers import Encoding, Tokenizer

from coldpress.data.splits import Split
from coldpress.drift.vocabulary import WordCounts
from coldpress.onnx.inference import evenly_spaced_rows
from coldpress.onnx.token_embeddings import read_token_embeddings
from coldpress.schema.finite import check_arrays_finite

_FILE = "portrait.safetensors"
_MAX_EMBEDDINGS = 1000
_UNKNOWN_TOKENS = ("[UNK]", "<unk>")


@dataclass(frozen=True)
class Profile:
    """Texts as a model's tokenizer and its token embeddings see them.

    Attributes:
        words: Of every text: how many, and how many of these are not in the vocabulary.
        embeddings: Mean token embedding of at most 1000 texts, spread evenly: (drawn, width).
    """

    words: WordCounts
    embeddings: NDArray[np.float32]


def build_profile(split: Split, model: Path) -> Profile:
    """Look at texts as a model does.

    Args:
        split: Its labels do not count.
        model: Folder with `model.onnx` and `tokenizer.json`.

    Returns:
        Words are what the tokenizer splits texts into before it looks into its vocabulary; one
        that it then has to cut into pieces, or does not know at all, is not in the vocabulary.
        Nothing is cut off: how long texts are is part of what they look like.
    """
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rows = split.texts if split.pairs is None else list(zip(split.texts, split.pairs, strict=True))
    encodings = tokenizer.encode_batch(list(rows), add_special_tokens=False)
    drawn = [encodings[row].ids for row in evenly_spaced_rows(len(split), _MAX_EMBEDDINGS)]
    return Profile(
        _count_words(encodings, tokenizer),
        _mean_embeddings(drawn, read_token_embeddings(model / "model.onnx")),
    )


def write_profile(portrait: Profile, directory: Path) -> None:
    """Put a portrait into a checkpoint that is being written.

    Args:
        portrait: Of the rows that were judged.
        directory: What `checkpoint.writing` yielded.
    """
    words = {"words": portrait.words.all, "unknown": portrait.words.unknown}
    check_arrays_finite({"embeddings": portrait.embeddings})
    save_file({**words, "embeddings": portrait.embeddings}, directory / _FILE)


def read_profile(directory: Path) -> Profile | None:
    """Read a portrait back.

    Args:
        directory: An opened evaluation checkpoint's.

    Returns:
        What was written; None where the evaluation is older than portraits.
    """
    if not (directory / _FILE).exists():
        return None
    kept = load_file(directory / _FILE)
    return Profile(WordCounts(kept["words"], kept["unknown"]), kept["embeddings"])


def _count_words(encodings: Sequence[Encoding], tokenizer: Tokenizer) -> WordCounts:
    unknown_ids = _unknown_token_ids(tokenizer)
    counts = [_count_text(encoding, unknown_ids) for encoding in encodings]
    every, unknown = np.array(counts, dtype=np.int64).reshape(-1, 2).T
    return WordCounts(np.ascontiguousarray(every), np.ascontiguousarray(unknown))


def _unknown_token_ids(tokenizer: Tokenizer) -> set[int | None]:
    """What is read where no token covers a word: a name or, in Unigram, an id."""
    model = json.loads(tokenizer.to_str())["model"]
    names = (*_UNKNOWN_TOKENS, model.get("unk_token") or "")
    return {model.get("unk_id"), *(tokenizer.token_to_id(name) for name in names)} - {None}


def _count_text(encoding: Encoding, unknown_ids: set[int | None]) -> tuple[int, int]:
    """Count a text's words, and those of more than one token or of an unknown one."""
    words = list(zip(encoding.sequence_ids, encoding.word_ids, strict=True))
    tokens = Counter(words)
    strange = {word for word, id_ in zip(words, encoding.ids, strict=True) if id_ in unknown_ids}
    return len(tokens), sum(count > 1 or word in strange for word, count in tokens.items())


def _mean_embeddings(
    texts: Sequence[Sequence[int]], vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Average token vectors text by text; a text without tokens lies at the origin."""
    zero = np.zeros(vectors.shape[1], dtype=np.float32)
    return np.stack([vectors[list(ids)].mean(axis=0) if ids else zero for ids in texts])
