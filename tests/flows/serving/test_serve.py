"""The real process of `coldpress serve`: a promotion under load, SIGTERM, and invalid input."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from coldpress.model.checkpoint import Checkpoint
from flows.cli.predict import pull_model
from tests.support.exported_versions import export_version, set_champion
from tests.support.service import get, metrics, post, served


@pytest.fixture
def models(state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint) -> None:
    """Two versions of trec, of which the first is the champion."""
    for _ in range(2):
        export_version(tmp_path, tiny_checkpoint)
    set_champion(1)


def test_a_promotion_changes_the_answers_and_no_request_fails(models: None, tmp_path: Path) -> None:
    answers: list[Any] = []
    stop = threading.Event()
    with served(tmp_path, "trec@champion") as (process, address):

        def send() -> None:
            while not stop.is_set():
                try:
                    answers.append(post(address, ["cold press"]))
                except OSError as error:
                    answers.append(error)

        clients = [threading.Thread(target=send) for _ in range(4)]
        for client in clients:
            client.start()
        set_champion(2)
        deadline = time.monotonic() + 60
        while get(address, "/ready")["model"] != "trec/2" and time.monotonic() < deadline:
            time.sleep(0.05)
        answers.append(post(address, ["cold press"]))
        stop.set()
        for client in clients:
            client.join()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    numbers = [answer["model"].removeprefix("trec/") for answer in answers]
    assert {"1", "2"} == set(numbers)
    for number, answer in zip(numbers, answers, strict=True):
        assert answer["predictions"][0]["label"].endswith(f"-{number}")


def test_sigterm_ends_the_process_after_running_requests(models: None, tmp_path: Path) -> None:
    body = b'{"text": ["cold press"]}'
    head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
    with served(tmp_path, "trec/1") as (process, address):
        server = ("127.0.0.1", int(address.rpartition(":")[2]))
        with socket.create_connection(server, 60) as connection:
            connection.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode())
            while "coldpress_requests_running 1.0" not in metrics(address):
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            while accepts(server):
                time.sleep(0.01)
            connection.sendall(body)
            response = http.client.HTTPResponse(connection, method="POST")
            response.begin()
            assert (response.status, response.headers["Coldpress-Model"]) == (200, "trec/1")
            assert json.loads(response.read())["predictions"][0]["label"].endswith("-1")
        assert process.wait(60) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def accepts(server: tuple[str, int]) -> bool:
    try:
        socket.create_connection(server, 60).close()
    except ConnectionError:
        return False
    return True


def test_a_pulled_folder_is_served_without_torch_and_mlflow(models: None, tmp_path: Path) -> None:
    pull_model("trec/2", tmp_path / "pulled")
    with served(tmp_path, str(tmp_path / "pulled")) as (process, address):
        assert post(address, ["cold"])["predictions"][0]["label"].endswith("-2")
        model = get(address, "/model")
        assert (model["name"], model["version"]) == ("pulled", None)
        assert model["model"] == f"sha256:{model['digest'][:12]}"
        libraries = Path(f"/proc/{process.pid}/maps").read_text()
        assert "onnxruntime" in libraries
        assert "torch" not in libraries


def test_the_service_imports_neither_torch_nor_mlflow(tmp_path: Path) -> None:
    code = "import sys, flows.serving.start; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "COLDPRESS_HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert not set(done.stdout.split()) & {"torch", "mlflow", "prefect", "transformers", "pandas"}
