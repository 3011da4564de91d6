"""A minimal Hugging Face hub for downloads, served from a directory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.support.http_thread import http_server

COMMIT = "c0ffee" + 34 * "0"


@dataclass
class LocalHub:
    """Repositories in a directory, all at the same commit, which is also the branch `main`.

    Attributes:
        root: Directory with `models/OWNER/NAME` and `datasets/OWNER/NAME`.
        url: Address of the server.
        requests: Paths of the received requests.
        down: Whether every request is answered by 503.
    """

    root: Path
    url: str = ""
    requests: list[str] = field(default_factory=list)
    down: bool = False

    def add(self, collection: str, repository: str, files: dict[str, bytes]) -> None:
        """Add a repository to `models` or `datasets`."""
        for name, content in files.items():
            path = self.root / collection / repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def answer(self, path: str) -> tuple[int, bytes]:
        """Return status and content for a path."""
        self.requests.append(path)
        if self.down:
            return 503, b"Down"
        parts = unquote(urlsplit(path).path).strip("/").removeprefix("api/").split("/")
        collection = parts.pop(0) if parts[0] in ("models", "datasets") else "models"
        owner, name, action, revision, *file = parts
        repository = self.root / collection / owner / name
        if not repository.is_dir():
            return 404, b"RepoNotFound"
        if revision not in ("main", COMMIT):
            return 404, b"RevisionNotFound"
        if action == "resolve":
            return 200, repository.joinpath(*file).read_bytes()
        answer = {"revision": self._info, "tree": self._tree}[action](repository)
        return 200, json.dumps(answer).encode()

    def _info(self, repository: Path) -> dict[str, Any]:
        names = [{"rfilename": item["path"]} for item in self._tree(repository)]
        name = f"{repository.parent.name}/{repository.name}"
        return {"id": name, "sha": COMMIT, "siblings": names}

    def _tree(self, repository: Path) -> list[dict[str, Any]]:
        return [
            {
                "type": "file",
                "path": path.relative_to(repository).as_posix(),
                "size": path.stat().st_size,
                "oid": _etag(path.read_bytes()),
            }
            for path in sorted(repository.rglob("*"))
            if path.is_file()
        ]


@contextmanager
def serve_hub(root: Path) -> Iterator[LocalHub]:
    """Serve a directory as a hub for the duration of the block."""
    hub = LocalHub(root)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(with_body=True)

        def do_HEAD(self) -> None:
            self._send(with_body=False)

        def _send(self, *, with_body: bool) -> None:
            status, content = hub.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{_etag(content)}"')
            self.send_header("X-Repo-Commit", COMMIT)
            if status != 200:
                self.send_header("X-Error-Code", content.decode())
            self.end_headers()
            if with_body:
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Do not log requests."""

    with http_server(Handler) as hub.url:
        yield hub


def _etag(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
