"""`coldpress predict` with a pulled folder instead of a registered name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coldpress.errors import CorruptCheckpointError, InputError
from coldpress.model.checkpoint import Checkpoint
from flows.cli.predict import predictions, pull_model
from tests.support.exported_versions import export_version


@pytest.fixture
def folder(state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint) -> Path:
    """What `coldpress pull trec/1` wrote."""
    export_version(tmp_path, tiny_checkpoint)
    pull_model("trec/1", tmp_path / "served")
    return tmp_path / "served"


def test_a_folder_answers_as_the_version_that_was_pulled(folder: Path) -> None:
    texts = ["cold olive oil", "fast stone"]
    lines = predictions(str(folder), texts, [])
    assert [json.loads(line)["text"] for line in lines] == texts
    assert lines == predictions("trec/1", texts, [])


def test_a_folder_comes_before_a_registered_name(
    folder: Path, tmp_path: Path, tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in `serve` and `profile`. The newest version would answer with `-2` in its labels."""
    export_version(tmp_path, tiny_checkpoint)
    monkeypatch.chdir(tmp_path)
    folder.rename("trec")
    (line,) = predictions("trec", ["cold"], [])
    assert json.loads(line)["label"].endswith("-1")


def test_a_folder_without_digests_is_refused(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match=r"served: has no SHA256SUMS; coldpress pull writes it"):
        predictions(str(folder), ["cold"], [])


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_an_altered_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    with pytest.raises(CorruptCheckpointError, match=f"served/{name} is not the file"):
        predictions(str(folder), ["cold"], [])


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(CorruptCheckpointError, match=r"served/tokenizer\.json"):
        predictions(str(folder), ["cold"], [])


def test_a_name_that_is_too_long_for_a_path_is_a_name(folder: Path) -> None:
    with pytest.raises(InputError, match=r"^model: no xxx"):
        predictions("x" * 300, ["cold"], [])
