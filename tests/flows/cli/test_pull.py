"""`coldpress pull` copies all files, and only into a new or empty folder."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from coldpress.errors import CorruptCheckpointError, InputError
from flows.cli.predict import pull_model
from tasks.tracking import runs
from tests.support import registered_models

FILES = ["SHA256SUMS", "coldpress.json", "model.onnx", "predictor.py"]


@pytest.fixture
def model(state: Path, tmp_path: Path) -> str:
    """A registered model with files of a few bytes."""
    registered_models.version(tmp_path)
    return "trec/1"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o700), (0o022, 0o755)])
def test_a_new_folder_has_the_mode_that_the_user_wants(
    model: str, tmp_path: Path, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        pull_model(model, tmp_path / "a" / "served")
    finally:
        os.umask(before)
    assert names(tmp_path / "a" / "served") == FILES
    assert names(tmp_path / "a") == ["served"]
    assert stat.S_IMODE((tmp_path / "a" / "served").stat().st_mode) == mode


def test_an_empty_folder_is_filled_and_stays(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be mounted, or the working directory of the shell; a killed `pull` leaves rests."""
    served = tmp_path / "served"
    (served / ".pulled.rest").mkdir(parents=True)
    served.chmod(0o750)
    before = served.stat()
    monkeypatch.chdir(served)
    pull_model(model, Path())
    assert names(Path.cwd()) == [".pulled.rest", *FILES]
    assert (served.stat().st_ino, served.stat().st_mode) == (before.st_ino, before.st_mode)


def test_digests_of_all_files_are_written_to_the_folder(model: str, tmp_path: Path) -> None:
    pull_model(model, tmp_path / "served")
    lines = (tmp_path / "served" / "SHA256SUMS").read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == FILES[1:]
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / "served" / name).read_bytes()).hexdigest() == digest


def test_files_that_differ_from_the_registered_digest_are_refused(
    model: str, tmp_path: Path
) -> None:
    """Each of its files has the digest that is written beside it, as if by hand."""
    runs.client().set_model_version_tag("trec", "1", "digest", "0" * 64)
    with pytest.raises(CorruptCheckpointError, match=f"registered as {'0' * 64}, found "):
        pull_model(model, tmp_path / "served")
    assert not (tmp_path / "served").exists()


@pytest.mark.parametrize("target", ["file", "folder/", "/dev/null"])
def test_existing_files_and_folders_are_not_changed(
    model: str, tmp_path: Path, target: str
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("mine")
    with pytest.raises(InputError, match="exists and is not an empty folder"):
        pull_model(model, tmp_path / target)
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "file").read_text() == "mine"
