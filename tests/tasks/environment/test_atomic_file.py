from pathlib import Path

import pytest

from tasks.environment.atomic_file import write_text_atomic


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_text_atomic(path, "first")
    write_text_atomic(path, "ä" * 1000)
    assert path.read_text(encoding="utf-8") == "ä" * 1000
    assert [entry.name for entry in tmp_path.iterdir()] == ["record.json"]


def test_a_text_that_cannot_be_encoded_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_text_atomic(path, "first")
    with pytest.raises(UnicodeEncodeError):
        write_text_atomic(path, "\ud800")
    assert path.read_text() == "first"
