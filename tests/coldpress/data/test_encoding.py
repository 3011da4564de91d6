from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import WhitespaceSplit

from coldpress.data.encoding import encode, find_pad_id
from coldpress.data.splits import Split


def words(*names: str) -> Tokenizer:
    vocabulary = {name: index for index, name in enumerate(names)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=names[0]))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return tokenizer


@pytest.mark.parametrize(
    ("names", "padding"),
    [(("a", "[PAD]"), 1), (("a", "b", "<pad>"), 2), (("a", "blank"), 0)],
)
def test_without_configured_padding_the_pad_token_is_found_by_its_usual_name(
    names: tuple[str, ...], padding: int
) -> None:
    assert find_pad_id(words(*names)) == padding


def test_configured_padding_is_used_in_batches_and_not_in_rows() -> None:
    tokenizer = words("a", "[PAD]", "blank")
    tokenizer.enable_padding(pad_id=2, pad_token="blank")
    encoded = encode(tokenizer, Split(("0", "1"), ("a", "a a a"), None, ()))
    assert [row.tolist() for row in encoded.input_ids] == [[0], [0, 0, 0]]
    assert encoded.batch([0, 1]).input_ids.tolist() == [[0, 2, 2], [0, 0, 0]]
    assert find_pad_id(tokenizer) == 2


def spans(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(match.span() for match in re.finditer(r"\S+", text))


def test_units_are_the_words_of_all_rows() -> None:
    texts = ("a b", "b", "a a a")
    tokenizer = words("a", "b")
    tokenizer.enable_truncation(2)
    split = Split(("0", "1", "2"), texts, None, (), words=tuple(map(spans, texts)))
    encoded = encode(tokenizer, split)
    assert encoded.unit_count == 6
    assert encoded.truncated == 1
    assert encoded.units_of([2, 0]).tolist() == [3, 4, 5, 0, 1]
    batch = encoded.batch([2, 1])
    # The third word of row 2 is cut off.
    assert batch.units.tolist() == [3, 4, 2]
    outputs = np.array([[[1], [2]], [[3], [4]]])  # (batch, tokens, labels)
    assert batch.select_units(outputs).tolist() == [[1], [2], [3]]


def test_rows_are_the_units_without_words() -> None:
    encoded = encode(words("a", "b"), Split(("0", "1"), ("a b", "b"), None, (7, 8)))
    batch = encoded.batch([1, 0])
    assert (encoded.unit_count, batch.units.tolist()) == (2, [1, 0])
    outputs = np.array([[1], [2]])
    assert batch.select_units(outputs) is outputs


def test_some_rows_have_the_targets_of_their_words_and_unlabelled_rows_none() -> None:
    texts = ("a b", "b", "a a a")
    split = Split(("0", "1", "2"), texts, None, (), words=tuple(map(spans, texts)))
    encoded = replace(encode(words("a", "b"), split), targets=np.array([10, 11, 12]))
    taken = encoded.take([1, 2])
    assert taken.targets.tolist() == [12]
    assert taken.unit_count == 4
    assert [row.tolist() for row in taken.input_ids] == [[1], [0, 0, 0]]
