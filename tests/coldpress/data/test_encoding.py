from __future__ import annotations

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import WhitespaceSplit

from coldpress.data.encoding import encode, find_pad_id, remap_token_ids
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


def test_an_added_token_is_remapped_although_the_normalizer_changes_its_name() -> None:
    old = words("a", "b")
    new = words("b", "a", "c")
    for tokenizer in (old, new):
        tokenizer.add_tokens(["[URL]"])
    encoded = encode(old, Split(("0",), ("a b [URL]",), None, ()))
    assert [row.tolist() for row in encoded.input_ids] == [[0, 1, 2]]
    assert [row.tolist() for row in remap_token_ids(encoded, old, new).input_ids] == [[1, 0, 3]]
