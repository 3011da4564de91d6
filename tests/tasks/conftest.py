"""A tracking store of its own for every test: a SQLite file, as in embedded mode."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> Path:
    """Point everything at an empty home."""
    home = tmp_path / "state"
    monkeypatch.setenv("COLDPRESS_HOME", str(home))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
    monkeypatch.setenv("PREFECT_HOME", str(home / "prefect"))
    home.mkdir()
    shutil.copyfile(empty_store, home / "mlflow.db")
    return home
