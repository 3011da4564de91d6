"""Homes with odd characters in their paths: all is kept inside, or the home is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldpress.errors import InputError
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from tasks.environment import home
from tasks.environment.home_path import MAX_BYTES, path_error
from tasks.promotion import retention
from tasks.tracking import artifacts, runs

USABLE = [
    "a#b",
    "100%",
    "a:b;c&d=e+f@g,h",
    " spaces ",
    'it\'s "quoted" `so`',
    "ünïcode 日本 😀",
    "new\nline\ttab",
    "back\\slash",
    "-dash",
    "[x]{x}<x>$HOME~*!|^",
    "sqlite:",
]


@pytest.mark.parametrize("name", USABLE)
def test_all_files_are_inside_a_home_with_an_unusual_name(
    name: str, tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    around = tmp_path / "around"
    folder = around / name
    folder.mkdir(parents=True)
    shutil.copyfile(empty_store, folder / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLDPRESS_HOME", str(folder))
    for variable in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_HOME"):
        monkeypatch.setenv(variable, "")
    run_id = runs.open_run(runs.ensure_experiment("trec"), "prune", {})
    with home.workspace() as work, runs.managed_run(run_id):
        with new_checkpoint(work / "checkpoint", Manifest(stage="prune")) as directory:
            (directory / "weights").write_text("some")
        packed = artifacts.package_torch(work / "checkpoint", work / "packed")
        uri = artifacts.log_model(run_id, "trec", packed, "prune")
        digest = Checkpoint.open(work / "checkpoint").digest
    assert artifacts.is_intact(uri, digest)
    assert artifacts.stored_bytes(uri) > 0
    assert retention.plan_collection(3) == []
    artifacts.remove_files(uri)
    assert not artifacts.is_intact(uri, digest)
    assert [path.name for path in around.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("what?now", "contains a question mark, which a database URI cannot contain"),
        ("a%20b", "contains %20, which MLflow decodes to another character"),
        ("%2e", "contains %2e, which MLflow decodes to another character"),
        ("d" * 200 + "/" + "d" * 200, f"SQLite can use at most {MAX_BYTES}"),
        (os.fsdecode(b"\xff"), "is not UTF-8"),
    ],
)
def test_a_home_with_an_unusable_path_is_refused_before_it_is_created(
    name: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDPRESS_HOME", str(tmp_path / "around" / name))
    with pytest.raises(InputError, match=r"^COLDPRESS_HOME: ") as error:
        home.configure_environment()
    assert reason in str(error.value)
    assert not (tmp_path / "around").exists()


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=80))
@settings(deadline=None)
def test_a_usable_path_survives_the_database_uri(name: str) -> None:
    from sqlalchemy import make_url

    directory = Path("/homes") / name
    if path_error(directory) is None:
        assert make_url(home.database_uri(directory)).database == str(directory)
        assert make_url(home.database_uri(directory)).query == {}


@pytest.mark.parametrize("quote", ["'", '"'])
def test_quotes_around_the_value_are_refused(quote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDPRESS_HOME", f"{quote}/data/home{quote}")
    with pytest.raises(InputError, match="COLDPRESS_HOME: the value is in quotes"):
        home.home_directory()


def test_a_home_behind_a_link_is_where_the_link_leads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("COLDPRESS_HOME", str(tmp_path / "link"))
    assert home.home_directory() == tmp_path / "real"


def test_a_home_that_is_not_writable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDPRESS_HOME", "/proc/coldpress")
    with pytest.raises(InputError, match=r"^COLDPRESS_HOME: /proc is not writable: "):
        home.check_writable()
