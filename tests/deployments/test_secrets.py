"""No secret stands in a log, a parameter, a tag, an artifact, a database or a command line."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.support.command import Coldpress
from tests.support.team_servers import USER, Team

pytestmark = pytest.mark.xdist_group("team")


def test_no_secret_is_kept_anywhere(
    team: Team, member: Coldpress, tiny_run: dict[str, Any]
) -> None:
    places = dict([*files(team), *databases(team), *commands(member)])
    content_ = b"\n".join(places.values())
    # It has looked at the right things: names stand there, and so do runs, parameters and logs.
    for text in (USER, tiny_run["mlflow"]["parent_run_id"], "train_examples", "Uvicorn running"):
        assert text.encode() in content_
    assert [
        (place, number) for place, content in places.items() for number in leaks(team, content)
    ] == []


def leaks(team: Team, content: bytes) -> list[int]:
    """Which of the secrets stand in something, as they are or as a header has them."""
    spelled = [
        (secret, base64.b64encode(f"{USER}:{secret}".encode()).decode()) for secret in team.hidden
    ]
    return [n for n, forms in enumerate(spelled) if any(form.encode() in content for form in forms)]


def files(team: Team) -> Iterator[tuple[str, bytes]]:
    """Logs of servers and workers, artifacts, homes, outcomes."""
    for path in team.folder.rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()


def databases(team: Team) -> Iterator[tuple[str, bytes]]:
    """Parameters, tags, events, logs, states, users."""
    for name in ("mlflow", "mlflow_auth", "prefect"):
        yield name, team.cluster.run("pg_dump", name).encode()


def commands(member: Coldpress) -> Iterator[tuple[str, bytes]]:
    """What everybody on the machine can see."""
    for process in psutil.process_iter(["cmdline"]):
        yield f"process {process.pid}", " ".join(process.info["cmdline"] or ()).encode()
