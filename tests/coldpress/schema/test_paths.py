from pathlib import Path

import pytest

from coldpress.schema.paths import validate_path


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("~nobody-of-this-name/a", "home directory"),
        ("a\0b", "null"),
        ("\ud800", "surrogates not allowed"),
        ("a" * 5000, "File name too long"),
    ],
)
def test_a_path_that_no_file_can_have_is_refused(written: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        validate_path(Path(written))


def test_a_path_that_leads_in_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(ValueError, match="symbolic links"):
        validate_path(tmp_path / "circle")


def test_a_path_may_lead_nowhere_and_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nowhere")
    assert validate_path(Path("~/a")) == Path("/nowhere/a")
    assert validate_path(Path(__file__) / "a") == Path(__file__) / "a"


def test_a_relative_path_needs_a_directory_to_begin_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(ValueError, match="the working directory no longer exists"):
        validate_path(Path("a"))
    assert validate_path(tmp_path / "a") == tmp_path / "a"
