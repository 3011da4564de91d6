"""The embedded database is whole whenever it is there, and nobody's runs are lost."""

from __future__ import annotations

import importlib
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine

from coldpress.errors import InputError
from tasks.tracking import runs
from tasks.tracking.embedded_db import ensure_schema

FIRST_START = """
import sys
from tasks.tracking import runs
runs.client().search_experiments()
sys.stdin.read()
"""
HOLDS_ROOM = """
import sys
from tasks.environment.home import workspace
with workspace() as directory:
    print(directory, flush=True)
    sys.stdin.read()
"""
HOLDS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM sqlite_master").fetchall()
print("open", flush=True)
sys.stdin.read()
"""
TABLES = "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
# Model versions got links to runs with it; many came later.
OLD = "84291f40a231"
RUN = """
INSERT INTO runs (run_uuid, name, source_type, status, lifecycle_stage, user_id, experiment_id)
VALUES ('abc', 'a', 'LOCAL', 'FINISHED', 'active', 'me', 0)
"""


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the database of an unused home is to be."""
    home = tmp_path / "state"
    home.mkdir()
    monkeypatch.setenv("COLDPRESS_HOME", str(home))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
    return home / "mlflow.db"


def write(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def read(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [value for (value,) in connection.execute(query)]


def revision(path: Path) -> str:
    (found,) = read(path, "SELECT version_num FROM alembic_version")
    return str(found)


def old_store(path: Path) -> None:
    """What an old MLflow made, with a run of its time."""
    utils: Any = importlib.import_module("mlflow.store.db.utils")  # it has no types
    engine = create_engine(f"sqlite:///{path}")
    utils.InitialBase.metadata.create_all(engine)
    config = utils._get_alembic_config(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, OLD)
    engine.dispose()
    write(path, RUN)


def half_made(path: Path, empty_store: Path) -> None:
    """All tables are there, and the record of how they came to be says that they are not."""
    shutil.copyfile(empty_store, path)
    write(path, f"UPDATE alembic_version SET version_num = '{OLD}'")


def most_tables(home: Path) -> int:
    """Of any database below a home, as long as it can be read."""
    found = [0]
    for path in home.rglob("*.db"):
        with suppress(sqlite3.OperationalError, ValueError):
            found += read(path, TABLES)
    return max(found)


def killed_when(reached: Callable[[Path], bool], home: Path) -> None:
    """Start for the first time, and end that at once when the files look so."""
    words, until = [sys.executable, "-c", FIRST_START], time.monotonic() + 60
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        while not reached(home):
            assert process.poll() is None, "it failed before"
            assert time.monotonic() < until, "it never came to that"
            time.sleep(0.001)
        process.kill()


@pytest.mark.parametrize(
    "reached",
    [
        lambda home: most_tables(home) >= 5,
        lambda home: most_tables(home) >= 25,
        lambda home: (home / "mlflow.db").exists(),
    ],
    ids=["first tables", "half of them", "in its place"],
)
def test_a_kill_in_the_first_start_leaves_what_the_next_one_can_use(
    database: Path, empty_store: Path, reached: Callable[[Path], bool]
) -> None:
    killed_when(reached, database.parent)
    if database.exists():
        assert revision(database) == revision(empty_store)
    experiments = runs.client().search_experiments()
    assert [experiment.name for experiment in experiments] == ["Default"]
    assert read(database, TABLES) == read(empty_store, TABLES)
    assert list((database.parent / "work").iterdir()) == []


def test_what_is_left_of_a_start_that_was_killed_when_all_was_done_goes_too(
    database: Path, empty_store: Path
) -> None:
    shutil.copyfile(empty_store, database)
    pipe, words = subprocess.PIPE, [sys.executable, "-c", HOLDS_ROOM]
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        left = Path(other.stdout.readline().rstrip("\n"))
        other.kill()
    assert left.is_dir()
    ensure_schema(database)
    assert not left.exists()


def test_several_first_starts_at_once_make_one_database(database: Path, empty_store: Path) -> None:
    unshared: Any = ensure_schema
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(unshared.__wrapped__, [database] * 3))
    assert revision(database) == revision(empty_store)


def test_nothing_is_done_to_a_database_that_is_as_it_should_be(
    database: Path, empty_store: Path
) -> None:
    shutil.copyfile(empty_store, database)
    before = database.stat()
    ensure_schema(database)
    after = database.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(database.parent.iterdir()) == [database]


def test_an_older_database_gets_the_new_tables_and_keeps_its_runs(
    database: Path, empty_store: Path
) -> None:
    old_store(database)
    ensure_schema(database)
    assert revision(database) == revision(empty_store)
    assert read(database, "SELECT run_uuid FROM runs") == ["abc"]


def test_what_an_earlier_version_left_half_made_is_made_anew(
    database: Path, empty_store: Path
) -> None:
    half_made(database, empty_store)
    ensure_schema(database)
    assert revision(database) == revision(empty_store)


def test_what_was_left_half_made_beside_runs_is_left_alone(
    database: Path, empty_store: Path
) -> None:
    half_made(database, empty_store)
    write(database, RUN)
    before = database.read_bytes()
    with pytest.raises(InputError, match=r"mlflow\.db: its tables cannot be completed .* move it"):
        ensure_schema(database)
    assert database.read_bytes() == before


def test_a_newer_database_is_refused(database: Path, empty_store: Path) -> None:
    shutil.copyfile(empty_store, database)
    write(database, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(InputError, match=r"mlflow\.db: a newer MLflow made it; .*ffffffffffff"):
        ensure_schema(database)


def test_no_database_is_replaced_under_somebody_who_has_it_open(
    database: Path, empty_store: Path
) -> None:
    old_store(database)
    pipe, words = subprocess.PIPE, [sys.executable, "-c", HOLDS, str(database)]
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(InputError, match=rf"process {other.pid} has it open; end that one"):
            ensure_schema(database)
        assert revision(database) == OLD
        other.kill()
    ensure_schema(database)
    assert revision(database) == revision(empty_store)


def test_a_journal_without_its_database_does_not_spoil_the_new_one(
    database: Path, empty_store: Path
) -> None:
    writer = sqlite3.connect(database)
    writer.executescript("PRAGMA cache_size = 1; CREATE TABLE t (x); BEGIN; ")
    writer.executemany("INSERT INTO t VALUES (?)", [("x" * 4000,)] * 50)
    journal = database.with_name("mlflow.db-journal")
    shutil.copyfile(journal, database.with_name("kept"))
    writer.close()
    database.unlink()
    database.with_name("kept").replace(journal)
    ensure_schema(database)
    assert revision(database) == revision(empty_store)
