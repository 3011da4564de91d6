"""Upload of files in one commit, and what is reported if the hub refuses or fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from coldpress.data import hub as hub_access
from coldpress.errors import InputError
from tasks import hub_upload
from tasks.hub_upload import upload_files
from tests.support.upload_hub import (
    READ_TOKEN,
    WRITE_TOKEN,
    UploadHub,
    serve_upload_hub,
    use_hub,
)

CARD = b"---\nlibrary_name: onnxruntime\n---\n# trec\n"
FIRST: dict[str, Path | bytes] = {"README.md": CARD, "model.onnx": b"first"}
SECOND: dict[str, Path | bytes] = {"README.md": CARD, "model.onnx": b"second"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UploadHub]:
    """An empty hub, and a token that may write to it."""
    with serve_upload_hub() as hub:
        use_hub(hub, tmp_path, monkeypatch)
        yield hub


def test_files_from_disk_and_memory_are_uploaded_in_one_commit(
    hub: UploadHub, tmp_path: Path
) -> None:
    (tmp_path / "model.onnx").write_bytes(b"weights")
    url = upload_files(
        {"model.onnx": tmp_path / "model.onnx", "README.md": CARD}, "acme/trec", "first"
    )
    repository = hub.repositories["acme/trec"]
    assert repository.files == {"model.onnx": b"weights", "README.md": CARD}
    assert (repository.summaries, repository.visibility) == (["first"], "private")
    assert url.startswith(f"{hub.url}/acme/trec/commit/")


def test_other_files_and_the_visibility_of_a_repository_remain(hub: UploadHub) -> None:
    upload_files(FIRST, "acme/trec", "first")
    hub.repositories["acme/trec"].files["LICENSE"] = b"MIT"
    hub.repositories["acme/trec"].visibility = "public"
    upload_files(SECOND, "acme/trec", "second")
    repository = hub.repositories["acme/trec"]
    assert repository.files == {**SECOND, "LICENSE": b"MIT"}
    assert (repository.summaries, repository.visibility) == (["first", "second"], "public")


def test_the_same_files_make_no_second_commit(hub: UploadHub) -> None:
    url = upload_files(FIRST, "acme/trec", "first")
    assert upload_files(FIRST, "acme/trec", "first") == url
    assert hub.repositories["acme/trec"].summaries == ["first"]


def test_an_invalid_card_is_refused_before_any_request(hub: UploadHub) -> None:
    with pytest.raises(InputError, match=r"^REPO: acme/trec: README\.md: "):
        upload_files({"README.md": b"---\ntags: [a\n---\n# trec\n"}, "acme/trec", "first")
    assert hub.repositories == {}


def test_a_card_that_only_the_hub_refuses_leaves_the_repository_empty(hub: UploadHub) -> None:
    files: dict[str, Path | bytes] = {**FIRST, "README.md": b"---\ntags: [a]\n---\n# trec\n"}
    with pytest.raises(InputError, match=r"^REPO: acme/trec: Invalid metadata in README\.md"):
        upload_files(files, "acme/trec", "first")
    assert hub.repositories["acme/trec"].files == {}


@pytest.mark.parametrize(
    ("repository", "message"),
    [
        ("trec", r"^REPO: trec has no owner; write it as OWNER/trec$"),
        ("acme/a b", r"^REPO: Repo id must use alphanumeric chars"),
        ("acme/trec.git", r"^REPO: Repo_id cannot end by"),
        ("a/b/c", r"^REPO: Repo id must be in the form"),
    ],
)
def test_an_invalid_name_is_refused_without_a_request(
    hub: UploadHub, repository: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        upload_files(FIRST, repository, "first")
    assert hub.requests == []


def test_a_missing_token_is_named(hub: UploadHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(InputError, match=r"^HF_TOKEN: not set; create a token that may write"):
        upload_files(FIRST, "acme/trec", "first")
    assert hub.requests == []


def test_the_token_of_a_login_is_used(hub: UploadHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    Path(constants.HF_TOKEN_PATH).write_text(WRITE_TOKEN)
    upload_files(FIRST, "acme/trec", "first")
    assert hub.repositories["acme/trec"].files == FIRST


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("hf_revoked", r"^HF_TOKEN: the hub does not accept the token \(Invalid username"),
        (READ_TOKEN, r"^HF_TOKEN: the token may not write to acme/trec \(You don't have the right"),
    ],
)
def test_a_token_that_the_hub_refuses_is_reported(
    hub: UploadHub, monkeypatch: pytest.MonkeyPatch, token: str, message: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(InputError, match=message) as failure:
        upload_files(FIRST, "acme/trec", "first")
    assert token not in str(failure.value)
    assert hub.repositories == {}


def test_an_address_with_a_password_is_refused(
    hub: UploadHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", hub.url.replace("://", "://anna:secret@"))
    with pytest.raises(InputError, match=r"^HF_ENDPOINT: must not contain a user or password"):
        upload_files(FIRST, "acme/trec", "first")
    assert hub.requests == []


def test_offline_mode_is_reported(hub: UploadHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"^HF_HUB_OFFLINE: is set"):
        upload_files(FIRST, "acme/trec", "first")
    assert hub.requests == []


@pytest.mark.parametrize(
    ("step", "failure", "message"),
    [
        (
            "PUT /objects",
            (403, {"error": "expired"}),
            r"^REPO: acme/trec: Error while uploading 'model.onnx' \(HfHubHTTPError: .*403",
        ),
        ("POST .*/commit/", (413, {"error": "too large"}), r"^REPO: the hub answered 413 for acme"),
        ("POST .*/preupload/", (404, {"error": "gone"}), r"^REPO: the hub has no acme/trec, or"),
        ("POST /api/repos/create", (200, {}), r"^HF_ENDPOINT: .* answers, but not as a hub"),
    ],
)
def test_an_upload_that_breaks_off_leaves_the_repository_as_it_was(
    hub: UploadHub, step: str, failure: tuple[int, dict[str, str]], message: str
) -> None:
    upload_files(FIRST, "acme/trec", "first")
    hub.failures[step] = failure
    with pytest.raises(InputError, match=message):
        upload_files(SECOND, "acme/trec", "second")
    assert hub.repositories["acme/trec"].files == FIRST
    hub.failures.clear()
    upload_files(SECOND, "acme/trec", "second")
    assert hub.repositories["acme/trec"].files == SECOND


def test_a_hub_that_is_away_is_reported(hub: UploadHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"^HF_ENDPOINT: http://127\.0\.0\.1:9 cannot be reached"):
        upload_files(FIRST, "acme/trec", "first")


def test_a_hub_that_does_not_answer_is_given_up(
    hub: UploadHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.silent = "."
    monkeypatch.setattr(hub_access, "TIMEOUT_SECONDS", 0.3)
    started = time.monotonic()
    with pytest.raises(InputError, match=r"^HF_ENDPOINT: .* cannot be reached \(TimeoutError\)$"):
        upload_files(FIRST, "acme/trec", "first")
    assert time.monotonic() - started < 20


def test_a_hub_that_falls_silent_during_the_upload_is_given_up(
    hub: UploadHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.silent = "validate-yaml"
    monkeypatch.setattr(hub_upload, "STALL_SECONDS", 0.3)
    with pytest.raises(InputError, match=r"^HF_ENDPOINT: .* cannot be reached \(ReadTimeout"):
        upload_files(FIRST, "acme/trec", "first")
    assert hub.repositories["acme/trec"].files == {}


def test_a_hub_without_xet_storage_is_reported_with_the_remedy(
    hub: UploadHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    with pytest.raises(InputError, match=r"^HF_HUB_DISABLE_XET: set it to 1 if the hub has no Xet"):
        upload_files(FIRST, "acme/trec", "first")
