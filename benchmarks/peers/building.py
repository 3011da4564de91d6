"""Models of the peers, built once for a teacher and its rows."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from peers import environments, process
from peers.catalogue import OWN, Peer

WORKERS = Path(__file__).parent / "workers"
BUILT = "built.json"


@dataclass(frozen=True)
class Place:
    """Where models are built.

    Attributes:
        job: File with teacher and rows.
        folder: For the models of this job.
        environments: Folder of the peers' environments.
    """

    job: Path
    folder: Path
    environments: Path


@dataclass(frozen=True)
class Built:
    """A model that can be served.

    Attributes:
        peer: The model.
        seconds: Of building it.
        model_bytes: Size of the model's files.
        tokenizer_bytes: Size of the tokenizer's files.
        versions: Of its libraries.
        serve: Command that serves it, without the number of threads.
        folder: Of its files and logs.
    """

    peer: Peer
    seconds: float
    model_bytes: int
    tokenizer_bytes: int
    versions: Mapping[str, str]
    serve: tuple[str, ...]
    folder: Path


def build(peer: Peer, place: Place) -> Built:
    """Build a model, or reuse what the same code made of the same job.

    Args:
        peer: The model.
        place: Job and folders.

    Raises:
        InstallError: Its environment cannot be installed.
        WorkerError: The library failed.
    """
    python = str(environments.python(peer.environment, place.environments))
    folder = place.folder / f"{peer.folder_name}-{_key(peer, place)}"
    arguments = (peer.module, peer.variant, str(place.job.resolve()), str(folder.resolve()))
    worker = (python, "-m", "peers.workers.run")
    # The files of a model that exists may have changed.
    if peer.prebuilt or not (folder / BUILT).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        process.build([*worker, "build", *arguments], folder / "build.log", os.cpu_count() or 1)
    record = json.loads((folder / BUILT).read_text(encoding="utf-8"))
    return Built(peer=peer, serve=(*worker, "serve", *arguments), folder=folder, **record)


def _key(peer: Peer, place: Place) -> str:
    """Return a digest of everything that decides what is built."""
    pinned = environments.REQUIREMENTS / f"requirements-{peer.environment}.txt"
    sources = [
        place.job,
        WORKERS / f"{peer.module}.py",
        WORKERS / "tokens.py",
        *([] if peer.environment == OWN else [pinned]),
    ]
    digest = hashlib.sha256(peer.variant.encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
