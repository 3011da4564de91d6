"""One cache for all claims: the large model is trained once per seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from options import Options


@pytest.fixture(scope="session")
def papers_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of cached models."""
    return tmp_path_factory.mktemp("papers")


@pytest.fixture
def quick(papers_cache: Path, tmp_path: Path) -> Options:
    """One seed of synthetic text; the results go into a directory of the test."""
    return Options(quick=True, seeds=1, cache=papers_cache, docs=tmp_path / "docs")
