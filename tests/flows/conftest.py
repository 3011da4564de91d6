"""The tiny recipe, run once a session by the real command."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.command import Coldpress, new_home


@pytest.fixture(scope="session")
def coldpress(tmp_path_factory: pytest.TempPathFactory) -> Coldpress:
    """One home for a whole session."""
    return new_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def tiny_run(coldpress: Coldpress) -> dict[str, Any]:
    """The outcome of the tiny recipe."""
    return coldpress.run_tiny()
