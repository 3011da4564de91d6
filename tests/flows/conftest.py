"""The tiny recipe, run once a session by the real command, and a Prefect server for many runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.command import Coldpress, new_home
from tests.support.prefect_server import running


@pytest.fixture(scope="session")
def coldpress(
    tmp_path_factory: pytest.TempPathFactory, shared_server: Mapping[str, str]
) -> Coldpress:
    """One home for a whole session."""
    return new_home(tmp_path_factory.mktemp("home"), servers=shared_server)


@pytest.fixture(scope="session")
def tiny_run(coldpress: Coldpress) -> dict[str, Any]:
    """The outcome of the tiny recipe."""
    return coldpress.run_tiny()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A Prefect server for all runs whose subject is not their own server; its variables.

    A run that finds it need not start one, which takes seconds of processor time.
    """
    with running(tmp_path_factory.mktemp("prefect")) as server:
        yield {"PREFECT_API_URL": server.environment["PREFECT_API_URL"]}
