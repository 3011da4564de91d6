from __future__ import annotations

import subprocess
import sys

import pytest
from tokenizers import Tokenizer

from coldpress.teacher.tokenizer.wordpiece import train_wordpiece

TEXTS = ["Cold pressed oil", "cold, cold press!", "pressing stones", "oiled presses", "Ölmühle"]


@pytest.fixture(scope="module")
def trained() -> Tokenizer:
    return train_wordpiece(TEXTS, 80)


def test_special_tokens_come_first_and_padding_is_zero(trained: Tokenizer) -> None:
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert [trained.token_to_id(name) for name in names] == [0, 1, 2, 3, 4]


def test_frequent_words_are_one_piece_and_case_and_accents_do_not_count(
    trained: Tokenizer,
) -> None:
    assert trained.encode("COLD cöld").tokens == ["[CLS]", "cold", "cold", "[SEP]"]


def test_unknown_characters_become_unk(trained: Tokenizer) -> None:
    assert trained.encode("cold 雪").tokens == ["[CLS]", "cold", "[UNK]", "[SEP]"]


def test_pieces_of_words_continue_them(trained: Tokenizer) -> None:
    tokens = trained.encode("lods").tokens
    assert tokens == ["[CLS]", "l", "##o", "##d", "##s", "[SEP]"]


def test_the_second_text_of_a_pair_is_another_segment(trained: Tokenizer) -> None:
    encoded = trained.encode("cold", "oil")
    assert encoded.tokens == ["[CLS]", "cold", "[SEP]", "oil", "[SEP]"]
    assert encoded.type_ids == [0, 0, 0, 1, 1]


def test_the_vocabulary_is_no_larger_than_requested() -> None:
    texts = [f"word{i} {i * 7919}" for i in range(2000)]
    assert train_wordpiece(texts, 120).get_vocab_size() == 120


def test_every_process_trains_the_same_tokenizer() -> None:
    code = (
        "from coldpress.teacher.tokenizer.wordpiece import train_wordpiece\n"
        "from coldpress.data.synthetic import generate\n"
        "texts = [text for text, _ in generate(300, '0:train')]\n"
        "print(train_wordpiece(texts, 600).to_str())\n"
    )
    first, *repeated = [
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
        for _ in range(4)
    ]
    assert repeated == [first] * 3
