from pathlib import Path

import pytest

from coldpress.schema.paths import validate_path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("~nobody-of-this-name/a", "home directory"),
        ("a\0b", "null"),
        ("\ud800", "surrogates not allowed"),
        ("a" * 5000, "File name too long"),
    ],
)
def test_an_invalid_path_is_refused(path: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        validate_path(Path(path))


def test_a_circular_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(ValueError, match="symbolic links"):
        validate_path(tmp_path / "circle")


def test_a_path_need_not_exist_and_may_start_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nowhere")
    assert validate_path(Path("~/a")) == Path("/nowhere/a")
    assert validate_path(Path(__file__) / "a") == Path(__file__) / "a"


def test_a_relative_path_needs_a_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(ValueError, match="the working directory no longer exists"):
        validate_path(Path("a"))
    assert validate_path(tmp_path / "a") == tmp_path / "a"
