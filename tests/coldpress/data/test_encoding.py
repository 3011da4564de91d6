from __future__ import annotations

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import WhitespaceSplit

from coldpress.data.encoding import encode, find_pad_id, remap_token_ids
from coldpress.data.splits import Split


def words(*names: str) -> Tokenizer:
    made = Tokenizer(WordLevel({name: at for at, name in enumerate(names)}, unk_token=names[0]))
    made.normalizer = Lowercase()
    made.pre_tokenizer = WhitespaceSplit()
    return made


@pytest.mark.parametrize(
    ("names", "padding"),
    [(("a", "[PAD]"), 1), (("a", "b", "<pad>"), 2), (("a", "blank"), 0)],
)
def test_without_padding_of_its_own_a_tokenizer_pads_with_the_usual_name(
    names: tuple[str, ...], padding: int
) -> None:
    assert find_pad_id(words(*names)) == padding


def test_the_padding_of_a_tokenizer_counts_and_stays_out_of_the_rows() -> None:
    tokenizer = words("a", "[PAD]", "blank")
    tokenizer.enable_padding(pad_id=2, pad_token="blank")
    encoded = encode(tokenizer, Split(("0", "1"), ("a", "a a a"), None, ()))
    assert [row.tolist() for row in encoded.input_ids] == [[0], [0, 0, 0]]
    assert encoded.batch([0, 1]).input_ids.tolist() == [[0, 2, 2], [0, 0, 0]]
    assert find_pad_id(tokenizer) == 2


def test_an_added_token_is_renumbered_whatever_the_normalizer_makes_of_its_name() -> None:
    old, new = words("a", "b"), words("b", "a", "c")
    for tokenizer in (old, new):
        tokenizer.add_tokens(["[URL]"])
    encoded = encode(old, Split(("0",), ("a b [URL]",), None, ()))
    assert [row.tolist() for row in encoded.input_ids] == [[0, 1, 2]]
    assert [row.tolist() for row in remap_token_ids(encoded, old, new).input_ids] == [[1, 0, 3]]
