"""Folders that replace others at once."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from flows.cli.staging import move_into_place


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A new folder in a temporary one, and the folder that it replaces."""
    for path, text in ((tmp_path / "aside" / "new", "new"), (tmp_path / "index", "old")):
        path.mkdir(parents=True)
        (path / "file").write_text(text)
    return tmp_path / "aside" / "new", tmp_path / "index"


def test_a_folder_is_exchanged_for_the_one_that_is_there(folders: tuple[Path, Path]) -> None:
    """The old one is where the new one was: there was no time without any of them."""
    new, target = folders
    move_into_place(new, target, last="file")
    assert (target / "file").read_text() == "new"
    assert (new / "file").read_text() == "old"


def test_a_folder_is_replaced_where_folders_cannot_be_exchanged(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a C library that has no `renameat2`."""
    new, target = folders
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    move_into_place(new, target, last="file")
    assert (target / "file").read_text() == "new"
    assert not new.exists()
