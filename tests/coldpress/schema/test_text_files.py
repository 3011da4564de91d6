"""A model's files are read like in transformers, or refused with their name."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldpress.errors import InputError
from coldpress.schema.text_files import read_json_object, read_text, reject_lfs_pointers

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"


def test_plain_utf8_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"name": "gr\u00fc\u00df"}', encoding="utf-8")
    assert read_json_object(tmp_path / "config.json", "here") == {"name": "gr\u00fc\u00df"}


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8-sig", "UTF-8 with a byte order mark"),
        ("utf-16", "UTF-16"),
        ("utf-16-be", "UTF-16 or UTF-32"),
        ("utf-16-le", "UTF-16 or UTF-32"),
        ("utf-32", "UTF-32"),
    ],
)
def test_another_encoding_is_refused_with_the_remedy(
    tmp_path: Path, encoding: str, name: str
) -> None:
    (tmp_path / "config.json").write_bytes('{"a": 1}'.encode(encoding))
    with pytest.raises(InputError) as error:
        read_json_object(tmp_path / "config.json", "here")
    remedy = "save it as UTF-8 without a byte order mark"
    assert str(error.value) == f"here: config.json is {name}; {remedy}"


def test_the_position_of_an_invalid_byte_is_named(tmp_path: Path) -> None:
    (tmp_path / "merges.txt").write_bytes(b"ab\xff")
    with pytest.raises(InputError, match=r"^here: merges.txt cannot be read: byte 2 is not UTF-8$"):
        read_text(tmp_path / "merges.txt", "here")


def test_a_git_lfs_pointer_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes(POINTER)
    problem = "is a git-lfs pointer, not the file itself; fetch it with: git lfs pull"
    expected = f"here: vocab.txt {problem}"
    with pytest.raises(InputError) as error:
        read_text(tmp_path / "vocab.txt", "here")
    assert str(error.value) == expected
    with pytest.raises(InputError) as error:
        reject_lfs_pointers([tmp_path / "vocab.txt"], "here")
    assert str(error.value) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"[]", "is not a JSON object"), (b"{", "cannot be read"), (b"[" * 100_000, "cannot be read")],
)
def test_content_other_than_an_object_is_refused(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(InputError, match=rf"^here: config.json {expected}"):
        read_json_object(tmp_path / "config.json", "here")
