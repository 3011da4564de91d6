"""A minimal Hugging Face hub for uploads: repositories, LFS objects and commits in memory."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import constants

from tests.support.http_thread import http_server

WRITE_TOKEN = "hf_write"
READ_TOKEN = "hf_read"
JSON = dict[str, Any]
Answer = tuple[int, JSON]


@dataclass
class Repository:
    """One repository.

    Attributes:
        visibility: As requested when it was created; None if the client left it open.
        files: Content by path, of the newest commit.
        summaries: Commit messages, the oldest first.
    """

    visibility: str | None
    files: dict[str, bytes] = field(default_factory=dict)
    summaries: list[str] = field(default_factory=list)


@dataclass
class UploadHub:
    """What the server has, and what it was asked.

    Attributes:
        url: Address of the server.
        repositories: By `OWNER/NAME`.
        objects: LFS objects by sha256.
        requests: Method and path of the received requests.
        failures: Status and message with which paths that match a pattern are answered.
        silent: Pattern of requests that get no answer until the server ends; "" for none.
        ended: Set when the server ends.
    """

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    failures: dict[str, Answer] = field(default_factory=dict)
    silent: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    def answer(self, method: str, path: str, token: str, body: bytes) -> Answer:
        """Return status and JSON for a request."""
        self.requests.append(f"{method} {path}")
        if self.silent and re.search(self.silent, self.requests[-1]):
            self.ended.wait()
        for pattern, failure in self.failures.items():
            if re.search(pattern, f"{method} {path}"):
                return failure
        if path.startswith("/objects/"):  # a presigned address of a store, which takes no token
            return self._store(path.rpartition("/")[2], body)
        if token not in (f"Bearer {WRITE_TOKEN}", f"Bearer {READ_TOKEN}"):
            return 401, {"error": "Invalid username or password."}
        if method == "GET":
            return self._info(path.removeprefix("/api/models/").partition("/revision/")[0])
        if path == "/api/validate-yaml":
            return _validate_card(json.loads(body)["content"])
        if token != f"Bearer {WRITE_TOKEN}":
            return 403, {"error": "You don't have the rights to write here"}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        return self._write(path, body)

    def _write(self, path: str, body: bytes) -> Answer:
        if path.endswith("/verify"):
            stored = self.objects.get(json.loads(body)["oid"])
            return (200, {}) if stored is not None else (404, {"error": "no such object"})
        if path.endswith(".git/info/lfs/objects/batch"):
            return self._batch(json.loads(body))
        name, _, action = path.removeprefix("/api/models/").rpartition("/main")[0].rpartition("/")
        repository = self.repositories.get(name)
        if repository is None:
            return 404, {"error": "Repository not found"}
        if action == "preupload":
            return 200, {"files": [_mode(repository, file) for file in json.loads(body)["files"]]}
        return self._commit(name, repository, [json.loads(line) for line in body.splitlines()])

    def _create(self, request: JSON) -> Answer:
        name = f"{request['organization']}/{request['name']}"
        exists = name in self.repositories
        self.repositories.setdefault(name, Repository(request.get("visibility")))
        return (409 if exists else 200), {"url": f"{self.url}/{name}"}

    def _batch(self, request: JSON) -> Answer:
        def describe(file: JSON) -> JSON:
            if file["oid"] in self.objects:
                return file
            upload = {"href": f"{self.url}/objects/{file['oid']}"}
            return {**file, "actions": {"upload": upload, "verify": {"href": f"{self.url}/verify"}}}

        return 200, {"transfer": "basic", "objects": [describe(f) for f in request["objects"]]}

    def _store(self, oid: str, body: bytes) -> Answer:
        if hashlib.sha256(body).hexdigest() != oid:
            return 400, {"error": "sha256 differs"}
        self.objects[oid] = body
        return 200, {}

    def _commit(self, name: str, repository: Repository, lines: list[JSON]) -> Answer:
        changes: dict[str, bytes] = {}
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "lfsFile":
                changes[value["path"]] = self.objects[value["oid"]]
            else:
                changes[value["path"]] = base64.b64decode(value["content"])
        repository.files.update(changes)
        repository.summaries.append(lines[0]["value"]["summary"])
        commit = _commit_id(repository)
        url = f"{self.url}/{name}/commit/{commit}"
        return 200, {"success": True, "commitOid": commit, "commitUrl": url}

    def _info(self, name: str) -> Answer:
        repository = self.repositories.get(name)
        if repository is None:
            return 404, {"error": "Repository not found"}
        return 200, {"id": name, "sha": _commit_id(repository), "siblings": []}


def _mode(repository: Repository, file: JSON) -> JSON:
    """Return how a file is uploaded, and the digest of the one that is there."""
    path = file["path"]
    mode = "lfs" if path.endswith(".onnx") else "regular"
    content = repository.files.get(path)
    oid = None
    if content is not None and mode == "lfs":
        oid = hashlib.sha256(content).hexdigest()
    elif content is not None:
        blob = f"blob {len(content)}\0".encode() + content
        oid = hashlib.sha1(blob, usedforsecurity=False).hexdigest()
    return {"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid}


def _validate_card(content: str) -> Answer:
    try:
        metadata = yaml.safe_load(content.split("---")[1])
        valid = isinstance(metadata, dict) and "library_name" in metadata
    except (IndexError, yaml.YAMLError):
        valid = False
    errors = [] if valid else [{"message": "the metadata is not YAML with a library_name"}]
    return (200 if valid else 400), {"errors": errors, "warnings": []}


def _commit_id(repository: Repository) -> str:
    text = "\n".join(repository.summaries)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@contextmanager
def serve_upload_hub() -> Iterator[UploadHub]:
    """Serve an empty hub for the duration of the block."""
    hub = UploadHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._respond()

        def do_POST(self) -> None:
            self._respond()

        def do_PUT(self) -> None:
            self._respond()

        def _respond(self) -> None:
            token = self.headers.get("Authorization", "")
            status, answer = hub.answer(self.command, self.path, token, self._body())
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Do not log requests."""

    with http_server(Handler) as hub.url:
        try:
            yield hub
        finally:
            hub.ended.set()


def use_hub(hub: UploadHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the address of the hub and a token that may write; a login of the user is ignored.

    Xet storage has a protocol of its own; hubs without it take LFS objects.
    """
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(folder / "no-token"))
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
