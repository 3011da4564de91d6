from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import Unigram, WordLevel, WordPiece
from tokenizers.pre_tokenizers import Whitespace
from torch.nn import Embedding

from coldpress.data.splits import Split, row_ids
from coldpress.drift import profile
from coldpress.drift.profile import build_profile
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.export import export


@pytest.fixture
def model(tiny_checkpoint: Checkpoint, tmp_path: Path) -> Path:
    """The tiny model, exported; its tokenizer has one token per word and truncates at 16."""
    folder = tmp_path / "onnx"
    folder.mkdir()
    export(tiny_checkpoint, folder, 17, {})
    return folder


def of(*texts: str, pairs: tuple[str, ...] | None = None) -> Split:
    """Rows without labels."""
    return Split(row_ids(texts, pairs), texts, pairs, ())


def test_words_and_unknown_words_are_counted_text_by_text(model: Path) -> None:
    words = build_profile(of("cold press", "zebra cold giraffe", "oil " * 40), model).words
    assert words.total.tolist() == [2, 3, 40]
    assert words.unknown.tolist() == [0, 2, 0]


def test_a_word_in_pieces_is_not_in_the_vocabulary(model: Path) -> None:
    vocabulary = {name: i for i, name in enumerate(("[UNK]", "olive", "##s", "oil"))}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(model / "tokenizer.json"))
    words = build_profile(of("olives olive oil", "oil"), model).words
    assert (words.total.tolist(), words.unknown.tolist()) == ([3, 1], [1, 0])


@pytest.mark.parametrize(
    "unknown",
    [WordLevel({"?": 0, "oil": 1}, unk_token="?"), Unigram([("?", 0.0), ("oil", -1.0)], unk_id=0)],
)
def test_the_unknown_token_may_have_any_name(model: Path, unknown: WordLevel | Unigram) -> None:
    tokenizer = Tokenizer(unknown)
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(model / "tokenizer.json"))
    words = build_profile(of("oil z"), model).words
    assert (words.total.tolist(), words.unknown.tolist()) == ([2], [1])


def test_the_words_of_a_pair_are_those_of_both_texts(model: Path) -> None:
    words = build_profile(of("cold press", pairs=("zebra oil oil",)), model).words
    assert (words.total.tolist(), words.unknown.tolist()) == ([5], [1])


def test_an_embedding_is_the_mean_of_the_tokens_without_special_tokens_and_padding(
    model: Path, tiny: Classifier
) -> None:
    """`cold` is token 4 and `olive` token 6."""
    words = cast("Embedding", tiny.module.get_submodule("bert.embeddings.word_embeddings"))
    table = words.weight.detach().numpy()
    embeddings = build_profile(of("cold olive", "cold", "\u200b"), model).embeddings
    np.testing.assert_allclose(embeddings[0], (table[4] + table[6]) / 2, rtol=1e-6)
    np.testing.assert_allclose(embeddings[1], table[4], rtol=1e-6)


def test_at_most_a_thousand_texts_have_embeddings(model: Path) -> None:
    embeddings = build_profile(of(*(f"cold {n}" for n in range(1500))), model)
    assert (len(embeddings.words.total), embeddings.embeddings.shape) == (1500, (1000, 16))


def test_a_profile_is_read_back_unchanged(model: Path, tmp_path: Path) -> None:
    profiled = build_profile(of("cold press", "zebra"), model)
    assert profile.read_profile(tmp_path) is None
    profile.write_profile(profiled, tmp_path)
    restored = profile.read_profile(tmp_path)
    assert restored is not None
    assert (restored.words.total.tolist(), restored.words.unknown.tolist()) == ([2, 1], [0, 1])
    assert restored.embeddings.tolist() == profiled.embeddings.tolist()
