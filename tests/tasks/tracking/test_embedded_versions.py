"""Versions read without MLflow are those that MLflow reads."""

from __future__ import annotations

import importlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from coldpress.errors import CorruptCheckpointError
from tasks.tracking import embedded_versions, registry, runs
from tasks.tracking.embedded_versions import find_version
from tests.support import registered_models


@pytest.fixture
def models(state: Path, tmp_path: Path) -> str:
    """Eleven versions of `trec`, of which the second is the champion."""
    for _ in range(11):
        registered_models.version(tmp_path, note="it's")
    runs.client().set_registered_model_alias("trec", "champion", "2")
    return "trec"


def execute(state: Path, statement: str) -> None:
    with closing(sqlite3.connect(state / "mlflow.db")) as writer:
        writer.execute(statement)
        writer.commit()


def test_the_schema_of_the_installed_mlflow_is_known() -> None:
    """Otherwise `predict` takes a second longer: compare the tables, then add the revision."""
    utils: Any = importlib.import_module("mlflow.store.db.utils")  # it has no types
    assert utils._get_latest_schema_revision() in embedded_versions.KNOWN_REVISIONS


@pytest.mark.parametrize(
    ("reference", "number"),
    [("trec", 11), ("trec/2", 2), ("trec/11", 11), ("trec@champion", 2)],
)
def test_a_version_is_the_one_that_mlflow_finds(models: str, reference: str, number: int) -> None:
    found = find_version(reference)
    expected = registry.resolve(reference)
    assert found is not None
    assert found.version == number == int(expected.version)
    assert (found.name, found.source, found.tags) == (models, expected.source, expected.tags)
    assert found.open().digest == expected.tags["digest"]


@pytest.mark.parametrize(
    "reference",
    ["", "nobody", "trec/12", "trec/1.0", "trec/", "trec@previous", "trec@CHAMPION", "trec/1/2"],
)
def test_what_does_not_exist_is_left_to_mlflow(models: str, reference: str) -> None:
    assert find_version(reference) is None


def test_an_alias_is_read_anew(models: str) -> None:
    assert find_version("trec@champion") == find_version("trec/2")
    runs.client().set_registered_model_alias("trec", "champion", "3")
    assert find_version("trec@champion") == find_version("trec/3")


def test_a_deleted_version_is_not_found(models: str) -> None:
    runs.client().delete_model_version("trec", "11")
    latest = find_version("trec")
    assert latest is not None
    assert latest.version == 10
    assert find_version("trec/11") is None


def test_a_version_of_a_deleted_model_is_left_to_mlflow(models: str) -> None:
    source = str(registry.resolve("trec/2").source)
    runs.client().delete_logged_model(source.removeprefix("models:/"))
    assert find_version("trec/2") is None


def test_a_version_of_another_tool_is_left_to_mlflow(models: str, tmp_path: Path) -> None:
    runs.client().create_model_version("trec", tmp_path.as_uri(), tags={"digest": "0"})
    assert find_version("trec/12") is None
    assert find_version("trec") is None


def test_damaged_files_are_an_error(models: str, state: Path) -> None:
    version = find_version("trec/2")
    assert version is not None
    (version.directory / "checkpoint" / "model.onnx").write_text("other")
    with pytest.raises(CorruptCheckpointError):
        version.open()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alembic_version SET version_num = '000000000000'",
        "DROP TABLE alembic_version",
        "DROP TABLE model_version_tags",
    ],
)
def test_another_schema_is_left_to_mlflow(models: str, state: Path, statement: str) -> None:
    execute(state, statement)
    assert find_version("trec/2") is None


def test_a_registry_elsewhere_is_left_to_mlflow(
    models: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    assert find_version("trec/2") is None


def test_no_database_is_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDPRESS_HOME", str(tmp_path / "new"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert find_version("trec") is None
    assert not (tmp_path / "new" / "mlflow.db").exists()
