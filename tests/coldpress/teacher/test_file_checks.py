"""tokenizer.json must be valid and fit the teacher before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from coldpress.errors import InputError
from coldpress.teacher.file_checks import check_tokenizer_file
from tests.support.acceptance import does_not_raise


def test_a_tokenizer_passes(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with does_not_raise():
        check_tokenizer_file(tmp_path, {"vocab_size": 12}, "here")


def test_a_vocabulary_file_is_enough(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[UNK]\n")
    with does_not_raise():
        check_tokenizer_file(tmp_path, {"vocab_size": 12}, "here")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "EOF while parsing a value at line 1 column 0"),
        (b"{}", "Model missing. at line 1 column 2"),
        (b"version https://git-lfs.github.com/spec/v1\n", "expected value at line 1 column 1"),
        (b"\xff", "stream did not contain valid UTF-8"),
    ],
)
def test_invalid_tokenizer_files_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(InputError) as error:
        check_tokenizer_file(tmp_path, {"vocab_size": 12}, "here")
    assert str(error.value) == f"here: tokenizer.json cannot be read: {reason}"


def test_a_tokenizer_that_is_cut_short_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(tokenizer.to_str()[:-1])
    with pytest.raises(InputError, match=r"^here: tokenizer.json cannot be read: "):
        check_tokenizer_file(tmp_path, {"vocab_size": 12}, "here")


def test_a_tokenizer_of_another_model_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """The last of its twelve tokens has the id 11, beyond a table of eleven rows."""
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(InputError) as error:
        check_tokenizer_file(tmp_path, {"vocab_size": 11}, "here")
    assert str(error.value) == "here: tokenizer.json has the token id 11, but vocab_size is 11"


def test_added_tokens_may_have_ids_beyond_the_table(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.add_tokens(["unused"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with does_not_raise():
        check_tokenizer_file(tmp_path, {"vocab_size": 12}, "here")
