from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from huggingface_hub import constants

from coldpress.data import hub
from coldpress.errors import InputError
from tests.support.local_hub import COMMIT, LocalHub


@pytest.fixture
def trickling_port() -> Iterator[int]:
    """Yield the port of a server that sends one byte at a time, without end."""
    finished = threading.Event()

    def trickle(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            while not finished.wait(0.05):
                connection.sendall(b"H")

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        threading.Thread(target=trickle, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        finished.set()


def test_a_branch_is_resolved_to_its_commit(local_hub: LocalHub) -> None:
    local_hub.add("models", "tiny/encoder", {"config.json": b"{}"})
    assert hub.resolve_commit("model", "tiny/encoder", "main", "teacher.model") == COMMIT


def test_a_commit_resolves_to_itself_without_a_request(local_hub: LocalHub) -> None:
    assert hub.resolve_commit("model", "tiny/encoder", COMMIT, "teacher.model") == COMMIT
    assert local_hub.requests == []


def test_only_matching_files_are_downloaded(local_hub: LocalHub) -> None:
    files = {"config.json": b"{}", "pytorch_model.bin": b"pickle", "sub/data.parquet": b"PAR1"}
    local_hub.add("datasets", "tiny/rows", files)
    patterns = ["*.json", "*.parquet"]
    directory = hub.download_snapshot("dataset", "tiny/rows", "main", patterns, "field")
    names = {p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()}
    assert names == {"config.json", "sub/data.parquet"}
    assert (directory / "sub/data.parquet").read_bytes() == b"PAR1"


def test_a_cached_commit_needs_no_request(local_hub: LocalHub) -> None:
    local_hub.add("models", "tiny/encoder", {"config.json": b"{}"})
    first = hub.download_snapshot("model", "tiny/encoder", COMMIT, ["*.json"], "teacher.model")
    requests = len(local_hub.requests)
    again = hub.download_snapshot("model", "tiny/encoder", COMMIT, ["*.json"], "teacher.model")
    assert (again, len(local_hub.requests)) == (first, requests)


def test_a_snapshot_that_lacks_files_does_not_count_as_cached(local_hub: LocalHub) -> None:
    local_hub.add("models", "tiny/encoder", {"config.json": b"{}", "model.safetensors": b"w"})
    hub.download_snapshot("model", "tiny/encoder", COMMIT, ["config.json"], "teacher.model")
    assert hub.find_cached("model", "tiny/encoder", COMMIT, ["*"]) is None
    directory = hub.download_snapshot("model", "tiny/encoder", COMMIT, ["*"], "teacher.model")
    assert (directory / "model.safetensors").read_bytes() == b"w"


def test_files_are_listed_without_a_download(local_hub: LocalHub) -> None:
    local_hub.add("models", "tiny/encoder", {"config.json": b"{}", "onnx/model.onnx": b"x"})
    listed = hub.list_files("model", "tiny/encoder", "main", "teacher.model")
    assert listed == ("config.json", "onnx/model.onnx")


def test_an_unknown_repository_is_named(local_hub: LocalHub) -> None:
    local_hub.add("models", "tiny/encoder", {"config.json": b"{}"})
    with pytest.raises(InputError, match=r"^teacher.model: tiny/none@main: .*no such repository"):
        hub.resolve_commit("model", "tiny/none", "main", "teacher.model")


def test_an_unknown_revision_is_named(local_hub: LocalHub) -> None:
    local_hub.add("models", "tiny/encoder", {"config.json": b"{}"})
    with pytest.raises(InputError, match=r"tiny/encoder@v9: the hub has no such revision"):
        hub.resolve_commit("model", "tiny/encoder", "v9", "teacher.model")


def test_an_invalid_repository_id_is_refused_without_a_request(local_hub: LocalHub) -> None:
    with pytest.raises(InputError, match=r"a b@main: not a repository id"):
        hub.resolve_commit("model", "a b", "main", "teacher.model")
    assert local_hub.requests == []


def test_the_status_of_a_hub_that_is_down_is_in_the_error(local_hub: LocalHub) -> None:
    local_hub.down = True
    with pytest.raises(InputError, match=r"tiny/encoder@main: the hub answered 503"):
        hub.resolve_commit("model", "tiny/encoder", "main", "teacher.model")


def test_a_hub_that_refuses_the_connection_is_an_input_error(
    local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(InputError, match=r"^benchmark.source.dataset: .*cannot be reached"):
            hub.download_snapshot("dataset", "tiny/rows", COMMIT, ["*"], "benchmark.source.dataset")
    assert local_hub.requests == []


@pytest.mark.usefixtures("local_hub")
def test_a_response_that_never_ends_times_out(
    trickling_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{trickling_port}")
    monkeypatch.setattr(hub, "TIMEOUT_SECONDS", 0.3)
    started = time.monotonic()
    with pytest.raises(
        InputError, match=r"^teacher.model: the hub did not answer for tiny/encoder in"
    ):
        hub.resolve_commit("model", "tiny/encoder", "main", "teacher.model")
    assert time.monotonic() - started < 3


def test_the_timeout_is_well_below_twenty_seconds() -> None:
    assert hub.TIMEOUT_SECONDS <= 12


@pytest.mark.usefixtures("local_hub")
def test_offline_a_repository_that_is_not_cached_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"tiny/encoder@main is not cached and HF_HUB_OFFLINE=1"):
        hub.resolve_commit("model", "tiny/encoder", "main", "teacher.model")


def test_offline_a_branch_resolves_to_the_cached_commit(
    local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import snapshot_download

    local_hub.add("models", "tiny/encoder", {"config.json": b"{}"})
    snapshot_download("tiny/encoder", revision="main")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert hub.resolve_commit("model", "tiny/encoder", "main", "teacher.model") == COMMIT
