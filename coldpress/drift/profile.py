"""Profile of texts: word counts and embeddings, without the texts themselves."""

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

from coldpress.data.encoding import encode
from coldpress.data.sampling import evenly_spaced_rows
from coldpress.data.splits import Split
from coldpress.drift.vocabulary import WordCounts
from coldpress.onnx.inference import raw_logits
from coldpress.onnx.predictor import Predictor
from coldpress.onnx.token_embeddings import read_token_embeddings
from coldpress.schema.finite import check_arrays_finite

_FILE = "portrait.safetensors"
_MAX_EMBEDDINGS = 1000
_UNKNOWN_TOKENS = ("[UNK]", "<unk>")


@dataclass(frozen=True)
class Profile:
    """Texts as a model's tokenizer and its token embeddings see them.

    Attributes:
        words: Words of each text, and how many of these are not in the vocabulary.
        embeddings: Of at most 1000 evenly spaced texts the mean token embedding, or the vector of a
            model that returns vectors; shape (texts, width).
    """

    words: WordCounts
    embeddings: NDArray[np.float32]


def build_profile(split: Split, model: Path) -> Profile:
    """Profile the texts of a split for a model.

    Words are what the tokenizer splits texts into before it looks into its vocabulary. A word
    that it then splits into several tokens, or maps to the unknown token, is not in the
    vocabulary. Texts are not truncated, since their length is part of the profile.

    Args:
        split: The texts; labels are ignored.
        model: Folder with `model.onnx` and `tokenizer.json`.

    Returns:
        The profile.
    """
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rows = split.texts if split.pairs is None else list(zip(split.texts, split.pairs, strict=True))
    encodings = tokenizer.encode_batch(list(rows), add_special_tokens=False)
    sample = embedded_rows(len(split))
    words = _count_words(encodings, tokenizer)
    predictor = Predictor(model)
    if predictor.returns_vectors:
        texts = encode(Tokenizer.from_file(str(model / "tokenizer.json")), split.take(sample))
        return Profile(words, raw_logits(predictor, texts).astype(np.float32))
    tokens = [encodings[row].ids for row in sample]
    return Profile(words, _mean_embeddings(tokens, read_token_embeddings(model / "model.onnx")))


def embedded_rows(rows: int) -> list[int]:
    """Return the positions of the rows that have an embedding, among a number of rows."""
    return evenly_spaced_rows(rows, _MAX_EMBEDDINGS)


def write_profile(profile: Profile, directory: Path) -> None:
    """Write a profile into a checkpoint that is being written.

    Args:
        profile: Of the test rows.
        directory: The directory that `new_checkpoint` yielded.
    """
    words = {"words": profile.words.total, "unknown": profile.words.unknown}
    check_arrays_finite({"embeddings": profile.embeddings})
    save_file({**words, "embeddings": profile.embeddings}, directory / _FILE)


def read_profile(directory: Path) -> Profile | None:
    """Read a profile back.

    Args:
        directory: Of an evaluation checkpoint.

    Returns:
        The profile; None if the evaluation is older than profiles.
    """
    if not (directory / _FILE).exists():
        return None
    arrays = load_file(directory / _FILE)
    return Profile(WordCounts(arrays["words"], arrays["unknown"]), arrays["embeddings"])


def _count_words(encodings: Sequence[Encoding], tokenizer: Tokenizer) -> WordCounts:
    unknown_ids = _unknown_token_ids(tokenizer)
    counts = [_count_text(encoding, unknown_ids) for encoding in encodings]
    total, unknown = np.array(counts, dtype=np.int64).reshape(-1, 2).T
    return WordCounts(np.ascontiguousarray(total), np.ascontiguousarray(unknown))


def _unknown_token_ids(tokenizer: Tokenizer) -> set[int | None]:
    """Return the ids of the unknown token, which Unigram models give by id, others by name."""
    model = json.loads(tokenizer.to_str())["model"]
    names = (*_UNKNOWN_TOKENS, model.get("unk_token") or "")
    return {model.get("unk_id"), *(tokenizer.token_to_id(name) for name in names)} - {None}


def _count_text(encoding: Encoding, unknown_ids: set[int | None]) -> tuple[int, int]:
    """Count a text's words, and those that are not a single known token."""
    words = list(zip(encoding.sequence_ids, encoding.word_ids, strict=True))
    tokens = Counter(words)
    unknown = {word for word, id_ in zip(words, encoding.ids, strict=True) if id_ in unknown_ids}
    return len(tokens), sum(count > 1 or word in unknown for word, count in tokens.items())


def _mean_embeddings(
    texts: Sequence[Sequence[int]], vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Average token vectors (tokens, width) per text; a text without tokens gets zeros."""
    zero = np.zeros(vectors.shape[1], dtype=np.float32)
    return np.stack([vectors[list(ids)].mean(axis=0) if ids else zero for ids in texts])
