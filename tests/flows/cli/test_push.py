"""`coldpress push` uploads a pulled folder in one commit, to a local stand-in for the hub."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldpress.errors import CorruptCheckpointError, InputError
from coldpress.model.checkpoint import Checkpoint
from coldpress.onnx.predictor import Predictor
from flows.cli.model_push import push_model
from flows.cli.predict import pull_model
from tasks.tracking import registry, reports, runs
from tests.support import registered_models
from tests.support.exported_versions import export_version
from tests.support.upload_hub import READ_TOKEN, WRITE_TOKEN, UploadHub, serve_upload_hub, use_hub

CARD = "---\nlibrary_name: onnxruntime\ntags:\n- coldpress\n---\n\n# trec, version 1\n"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UploadHub]:
    """An empty hub, and a token that may write to it."""
    with serve_upload_hub() as hub:
        use_hub(hub, tmp_path, monkeypatch)
        yield hub


@pytest.fixture
def model(state: Path, tmp_path: Path) -> str:
    """A registered model with files of a few bytes and a card."""
    registered_models.version(tmp_path, gate="refused")
    run_id = runs.open_run(runs.ensure_experiment("trec"), "trec", {})
    (tmp_path / reports.CARD).write_text(CARD)
    runs.log_file(run_id, tmp_path / reports.CARD)
    runs.set_tags(run_id, {reports.REPORT_TAG: "trec/1"})
    return "trec/1"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def stored_bytes(state: Path) -> bytes:
    return b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())


def test_a_version_is_pushed_as_it_would_be_pulled(
    hub: UploadHub, model: str, tmp_path: Path
) -> None:
    """In one commit, to a private repository; the verdict is part of the output."""
    pull_model(model, tmp_path / "served")
    digest = registry.resolve(model).tags["digest"]
    line = push_model(model, "acme/trec")
    repository = hub.repositories["acme/trec"]
    assert repository.files == contents(tmp_path / "served")
    assert repository.files["README.md"].decode() == CARD
    assert repository.summaries == [f"trec/1, sha256 {digest}"]
    assert repository.visibility == "private"
    url = registry.resolve(model).tags["pushed_to"]
    assert url.startswith(f"{hub.url}/acme/trec/commit/")
    assert line == f"pushed trec/1 (gate: refused) to {url}"


def test_the_token_is_neither_printed_nor_stored(
    hub: UploadHub, model: str, state: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = push_model(model, "acme/trec")
    captured = capfd.readouterr()
    assert WRITE_TOKEN not in line + captured.out + captured.err
    assert captured.err == ""
    assert b"pushed_to" in stored_bytes(state)
    assert WRITE_TOKEN.encode() not in stored_bytes(state)


def test_the_newest_of_two_versions_replaces_the_files(
    hub: UploadHub, model: str, tmp_path: Path
) -> None:
    """A file that a user added on the hub remains, and so do the repository's settings."""
    push_model(model, "acme/trec")
    hub.repositories["acme/trec"].files["LICENSE"] = b"MIT"
    hub.repositories["acme/trec"].visibility = "public"
    registered_models.version(tmp_path)
    push_model("trec", "acme/trec")
    pull_model("trec/2", tmp_path / "second")
    repository = hub.repositories["acme/trec"]
    assert len(repository.summaries) == 2
    assert repository.files["model.onnx"] == contents(tmp_path / "second")["model.onnx"]
    assert (repository.files["LICENSE"], repository.visibility) == (b"MIT", "public")


def test_pushing_the_same_files_again_makes_no_commit(hub: UploadHub, model: str) -> None:
    line = push_model(model, "acme/trec")
    assert push_model(model, "acme/trec") == line
    assert len(hub.repositories["acme/trec"].summaries) == 1


def test_a_pushed_model_answers_as_the_registered_one(
    hub: UploadHub, state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    export_version(tmp_path, tiny_checkpoint)
    push_model("trec/1", "acme/trec")
    (tmp_path / "downloaded").mkdir()
    for name, content in hub.repositories["acme/trec"].files.items():
        (tmp_path / "downloaded" / name).write_bytes(content)
    pull_model("trec/1", tmp_path / "served")
    answers = [Predictor(tmp_path / f).predict(["cold oil"]) for f in ("downloaded", "served")]
    assert answers[0] == answers[1]


def test_a_folder_is_pushed_with_the_card_that_a_user_completed(
    hub: UploadHub, model: str, tmp_path: Path
) -> None:
    """Its digest is written anew; other files in the folder may be private and stay there."""
    pull_model(model, tmp_path / "served")
    card = CARD.replace("tags:", "license: mit\ntags:")
    (tmp_path / "served" / "README.md").write_text(card)
    (tmp_path / "served" / "documents.json").write_text("private")
    assert push_model(str(tmp_path / "served"), "acme/trec").startswith(
        f"pushed {tmp_path / 'served'} to {hub.url}/acme/trec/commit/"
    )
    files = hub.repositories["acme/trec"].files
    assert sorted(files) == [
        "README.md",
        "SHA256SUMS",
        "coldpress.json",
        "model.onnx",
        "predictor.py",
    ]
    assert files["README.md"].decode() == card
    assert f"{hashlib.sha256(card.encode()).hexdigest()}  README.md" in files["SHA256SUMS"].decode()
    assert "pushed_to" not in registry.resolve(model).tags


@pytest.mark.parametrize("name", ["model.onnx", "predictor.py", "coldpress.json"])
def test_an_altered_folder_is_refused_before_any_request(
    hub: UploadHub, model: str, tmp_path: Path, name: str
) -> None:
    pull_model(model, tmp_path / "served")
    (tmp_path / "served" / name).write_bytes(b"other")
    with pytest.raises(CorruptCheckpointError, match=f"served/{name} is not the file"):
        push_model(str(tmp_path / "served"), "acme/trec")
    assert hub.requests == []


def test_files_that_differ_from_the_registered_digest_are_refused(
    hub: UploadHub, model: str
) -> None:
    runs.client().set_model_version_tag("trec", "1", "digest", "0" * 64)
    with pytest.raises(CorruptCheckpointError, match=f"registered as {'0' * 64}, found "):
        push_model(model, "acme/trec")
    assert hub.requests == []


def test_the_command_reads_address_and_token_from_the_environment(
    hub: UploadHub, model: str, tmp_path: Path
) -> None:
    pull_model(model, tmp_path / "served")
    push = [sys.executable, "-m", "flows.cli", "push", str(tmp_path / "served"), "acme/trec"]
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"}
    pushed = subprocess.run(push, env=environment, capture_output=True, text=True, check=True)
    assert pushed.stdout.startswith(f"pushed {tmp_path / 'served'} to {hub.url}/acme/trec/commit/")
    assert pushed.stderr == ""
    hub.repositories.clear()
    environment["HF_TOKEN"] = READ_TOKEN
    refused = subprocess.run(push, env=environment, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith("coldpress: HF_TOKEN: the token may not write to acme/trec")


def test_a_failed_upload_is_not_recorded(hub: UploadHub, model: str) -> None:
    hub.failures["POST .*/commit/"] = (413, {"error": "too large"})
    with pytest.raises(InputError, match=r"^REPO: the hub answered 413 for acme/trec"):
        push_model(model, "acme/trec")
    assert "pushed_to" not in registry.resolve(model).tags


def test_the_token_is_checked_before_the_model(
    hub: UploadHub, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model on a server would be downloaded first."""
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(InputError, match=r"^HF_TOKEN: not set"):
        push_model("absent/1", "acme/trec")


def test_a_registry_that_cannot_be_written_to_does_not_fail_the_push(
    hub: UploadHub, model: str, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever may only read models may push them."""
    with sqlite3.connect(state / "mlflow.db") as database:
        database.execute(
            "CREATE TRIGGER locked BEFORE INSERT ON model_version_tags BEGIN"
            " SELECT RAISE(ABORT, 'attempt to write a readonly database'); END"
        )
    assert push_model(model, "acme/trec").startswith("pushed trec/1")
    assert "trec/1: the tag pushed_to was not set: MLFLOW_TRACKING_URI: this" in caplog.text
