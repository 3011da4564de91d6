"""A home that was copied or new_home has its own files, and leaves those of the original alone."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from coldpress.errors import InputError
from tasks.environment import home, home_record, local_stack, processes, relocation
from tasks.environment.local_stack import MLFLOW, ServerRecord
from tasks.promotion import retention
from tasks.tracking import artifacts, registry, runs
from tests.support.registered_models import passed, promote, version


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """A home is checked once per process."""
    home_record.adapt_registry.cache_clear()
    yield
    home_record.adapt_registry.cache_clear()


@pytest.fixture
def original(state: Path, tmp_path: Path) -> Path:
    """A home with two versions of trec; the first is the champion."""
    passed(tmp_path, 2)
    promote("1")
    return state


def use(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a home as another process would."""
    home_record.adapt_registry.cache_clear()
    monkeypatch.setenv("COLDPRESS_HOME", str(directory))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{directory / 'mlflow.db'}")
    home.configure_environment()


def content(directory: Path) -> dict[str, bytes]:
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def locations(directory: Path) -> set[str]:
    """All locations in a registry, except for experiments of foreign programs."""
    with closing(sqlite3.connect(directory / "mlflow.db")) as database:
        queries = (
            f"SELECT {column} FROM {table}" for table, column in relocation._LOCATION_COLUMNS
        )
        rows = {str(row[0]) for query in queries for row in database.execute(query)}
    return {location for location in rows if "artifacts" in location}


def intact(number: int) -> bool:
    version = registry.resolve(f"trec/{number}")
    return artifacts.is_intact(str(version.source), version.tags["digest"])


def test_a_copy_has_its_own_files_and_leaves_the_original_alone(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(original, tmp_path / "a copy", symlinks=True)
    before = content(original)
    use(copy, monkeypatch)
    assert all(f"{copy.as_uri()}/" in location for location in locations(copy))
    assert [intact(1), intact(2)] == [True, True]
    retention.collect(0, "anna@here")
    version(tmp_path)
    assert [intact(1), intact(2), intact(3)] == [True, False, True]
    assert content(original) == before
    assert (
        json.loads((copy / "home.json").read_text())["id"]
        != json.loads(before["home.json"].decode())["id"]
    )


def test_a_copy_of_a_home_without_a_record_leaves_the_original_alone(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (original / "home.json").unlink()
    copy = shutil.copytree(original, tmp_path / "copy")
    before = content(original)
    use(copy, monkeypatch)
    retention.collect(0, "anna@here")
    assert [intact(1), intact(2)] == [True, False]
    assert content(original) == before


def test_a_moved_home_works_at_its_new_path(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = home_record.read_home_record(original)
    new_home = original.rename(tmp_path / "moved")
    use(new_home, monkeypatch)
    assert [intact(1), intact(2)] == [True, True]
    assert not original.exists()
    after = home_record.read_home_record(new_home)
    assert before is not None
    assert after is not None
    assert (after.id, after.path) == (before.id, str(new_home))
    version(tmp_path)
    assert not original.exists()


def test_a_link_at_the_old_path_needs_no_change(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = locations(original)
    new_home = original.rename(tmp_path / "moved")
    original.symlink_to(new_home)
    use(new_home, monkeypatch)
    assert locations(new_home) == before
    assert [intact(1), intact(2)] == [True, True]
    assert not any(home_record.is_outside(new_home, location) for location in before)


def test_a_home_that_another_container_may_use_is_not_rewritten(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = json.loads((original / "home.json").read_text())
    (original / "home.json").write_text(json.dumps({**record, "view": "elsewhere:"}))
    before = locations(original)
    new_home = original.rename(tmp_path / "data")
    with pytest.raises(
        InputError, match=f"was created as {original} and .*: mount it at {original}; or"
    ):
        use(new_home, monkeypatch)
    assert locations(new_home) == before
    (new_home / "home.json").unlink()  # as the message says
    use(new_home, monkeypatch)
    assert [intact(1), intact(2)] == [True, True]


def test_a_home_is_not_adapted_while_its_registry_is_open(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import sys; file = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(original / "mlflow.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    new_home = original.rename(tmp_path / "moved")
    with pytest.raises(InputError, match=f"process {holder.pid} has its registry open"):
        use(new_home, monkeypatch)
    holder.communicate()
    use(new_home, monkeypatch)


@pytest.mark.parametrize("name", ["mlflow.db", "artifacts"])
def test_a_copy_made_of_links_is_refused(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    copy = shutil.copytree(original, tmp_path / "copy")
    shutil.rmtree(copy / name) if name == "artifacts" else (copy / name).unlink()
    (copy / name).symlink_to(original / name)
    before = content(original)
    with pytest.raises(InputError, match=f"copy/{name} is the same as {original / name}"):
        use(copy, monkeypatch)
    assert content(original) == before


def test_a_copy_that_cannot_be_adapted_is_refused(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(original, tmp_path / "copy")
    (copy / "home.lock").unlink()
    (copy / "home.lock").mkdir()  # as on a disk that cannot be written
    with pytest.raises(InputError, match=f"names files of {original} and cannot be adapted: "):
        use(copy, monkeypatch)
    (copy / "home.json").unlink()
    shutil.rmtree(copy / "artifacts")
    with closing(sqlite3.connect(copy / "mlflow.db")) as database:
        database.execute("DELETE FROM experiments WHERE name = 'trec'")
        database.commit()
    use(copy, monkeypatch)  # nothing to adapt, so it need not be writable


def test_files_outside_of_the_home_are_neither_deleted_nor_written(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example, after the registry was copied into another home."""
    foreign = tmp_path / "other"
    foreign.mkdir()
    shutil.copyfile(original / "mlflow.db", foreign / "mlflow.db")
    shutil.copyfile(original / "home.json", tmp_path / "home.json")
    before = content(original)
    record = json.loads((tmp_path / "home.json").read_text())
    (foreign / "home.json").write_text(json.dumps({**record, "path": str(foreign)}))
    use(foreign, monkeypatch)
    reasons = {holding.name: holding.kept for holding in retention.plan_collection(0)}
    assert reasons["trec/2"] == "its files are not in this home"
    with pytest.raises(InputError, match=r"names files outside of it, in file:.*left alone"):
        artifacts.remove_files(str(registry.resolve("trec/2").source))
    with pytest.raises(InputError, match="names files outside of it"):
        runs.ensure_experiment("trec")
    assert content(original) == before


def test_files_that_were_never_copied_are_still_read(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / "other"
    foreign.mkdir()
    shutil.copyfile(original / "mlflow.db", foreign / "mlflow.db")
    use(foreign, monkeypatch)
    assert intact(1)
    version(tmp_path)
    location = runs.client().get_logged_model(
        str(registry.resolve("trec/3").source).removeprefix("models:/")
    )
    assert f"{foreign.as_uri()}/" in location.artifact_location


@pytest.mark.parametrize(
    ("location", "outside"),
    [
        ("{home}/artifacts/trec", False),
        ("file://{home}/artifacts/trec", False),
        ("{home}/artifacts/../../elsewhere", True),
        ("file://{home}-2/artifacts", True),
        ("{home}", False),
        ("mlruns/1", True),
        ("s3://bucket/trec", False),
        ("mlflow-artifacts:/1", False),
    ],
)
def test_locations_outside_of_a_home(tmp_path: Path, location: str, outside: bool) -> None:
    directory = tmp_path / "home"
    directory.mkdir()
    assert home_record.is_outside(directory, location.format(home=directory)) is outside


@pytest.mark.parametrize(
    ("registry", "own"),
    [
        ("sqlite:///{home}/mlflow.db", True),
        ("sqlite:///{home}/../home//mlflow.db", True),
        ("sqlite:///{home}-2/mlflow.db", False),
        ("http://127.0.0.1:5000", False),
        (None, False),
    ],
)
def test_the_registry_of_a_home(tmp_path: Path, registry: str | None, own: bool) -> None:
    directory = tmp_path / "home"
    directory.mkdir()
    assert (
        home_record.is_home_registry(directory, registry and registry.format(home=directory)) is own
    )


def test_a_stack_of_the_original_is_not_used_by_the_copy(tmp_path: Path) -> None:
    first = tmp_path / "first"
    copy = tmp_path / "copy"
    for directory in (first, copy):
        local_stack.stack_folder(directory).mkdir(parents=True)
    marker = {local_stack.MARKER: local_stack.marker(first, MLFLOW)}
    server = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=marker,
    )
    assert server.stdout is not None
    server.stdout.readline()
    record = ServerRecord(5001, processes.process_identity(psutil.Process(server.pid)))
    for directory in (first, copy):
        local_stack.write_server_record(directory, MLFLOW, record)
    assert local_stack.read_server_record(first, MLFLOW) == record
    assert local_stack.read_server_record(copy, MLFLOW) == ServerRecord()
    server.communicate(b"\n")
