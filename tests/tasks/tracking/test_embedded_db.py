"""The embedded database is complete whenever it exists, and no runs are lost."""

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
HOLDS_WORKSPACE = """
import sys
from tasks.environment.home import workspace
with workspace() as directory:
    print(directory, flush=True)
    sys.stdin.read()
"""
HOLDS_CONNECTION = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM sqlite_master").fetchall()
print("open", flush=True)
sys.stdin.read()
"""
TABLES = "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
# The migration that linked model versions to runs; many followed.
OLD_REVISION = "84291f40a231"
RUN = """
INSERT INTO runs (run_uuid, name, source_type, status, lifecycle_stage, user_id, experiment_id)
VALUES ('abc', 'a', 'LOCAL', 'FINISHED', 'active', 'me', 0)
"""


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Path of the database in an unused home."""
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
    (version_num,) = read(path, "SELECT version_num FROM alembic_version")
    return str(version_num)


def make_old_database(path: Path) -> None:
    """Create a database as an old MLflow did, with one run."""
    utils: Any = importlib.import_module("mlflow.store.db.utils")  # untyped
    engine = create_engine(f"sqlite:///{path}")
    utils.InitialBase.metadata.create_all(engine)
    config = utils._get_alembic_config(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, OLD_REVISION)
    engine.dispose()
    write(path, RUN)


def interrupted_migration(path: Path, empty_store: Path) -> None:
    """Copy a complete database whose recorded revision is old."""
    shutil.copyfile(empty_store, path)
    write(path, f"UPDATE alembic_version SET version_num = '{OLD_REVISION}'")


def most_tables(home: Path) -> int:
    """Largest number of tables in any readable database below a home."""
    counts = [0]
    for path in home.rglob("*.db"):
        with suppress(sqlite3.OperationalError, ValueError):
            counts += read(path, TABLES)
    return max(counts)


def kill_first_start(condition: Callable[[Path], bool], home: Path) -> None:
    """Kill a first start as soon as the files of the home meet a condition."""
    command = [sys.executable, "-c", FIRST_START]
    deadline = time.monotonic() + 60
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        while not condition(home):
            assert process.poll() is None, "the process ended before"
            assert time.monotonic() < deadline, "the condition was never met"
            time.sleep(0.001)
        process.kill()


@pytest.mark.parametrize(
    "condition",
    [
        lambda home: most_tables(home) >= 5,
        lambda home: most_tables(home) >= 25,
        lambda home: (home / "mlflow.db").exists(),
    ],
    ids=["first tables", "half of them", "in its place"],
)
def test_a_killed_first_start_does_not_break_the_next_one(
    database: Path, empty_store: Path, condition: Callable[[Path], bool]
) -> None:
    kill_first_start(condition, database.parent)
    if database.exists():
        assert revision(database) == revision(empty_store)
    experiments = runs.client().search_experiments()
    assert [experiment.name for experiment in experiments] == ["Default"]
    assert read(database, TABLES) == read(empty_store, TABLES)
    assert list((database.parent / "work").iterdir()) == []


def test_the_workspace_of_a_killed_start_is_deleted(database: Path, empty_store: Path) -> None:
    shutil.copyfile(empty_store, database)
    command = [sys.executable, "-c", HOLDS_WORKSPACE]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        directory = Path(process.stdout.readline().rstrip("\n"))
        process.kill()
    assert directory.is_dir()
    ensure_schema(database)
    assert not directory.exists()


def test_several_first_starts_at_once_make_one_database(database: Path, empty_store: Path) -> None:
    unshared: Any = ensure_schema
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(unshared.__wrapped__, [database] * 3))
    assert revision(database) == revision(empty_store)


def test_a_current_database_is_not_touched(database: Path, empty_store: Path) -> None:
    shutil.copyfile(empty_store, database)
    before = database.stat()
    ensure_schema(database)
    after = database.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(database.parent.iterdir()) == [database]


def test_an_older_database_gets_the_new_tables_and_keeps_its_runs(
    database: Path, empty_store: Path
) -> None:
    make_old_database(database)
    ensure_schema(database)
    assert revision(database) == revision(empty_store)
    assert read(database, "SELECT run_uuid FROM runs") == ["abc"]


def test_an_interrupted_migration_without_runs_starts_over(
    database: Path, empty_store: Path
) -> None:
    interrupted_migration(database, empty_store)
    ensure_schema(database)
    assert revision(database) == revision(empty_store)


def test_an_interrupted_migration_with_runs_is_not_touched(
    database: Path, empty_store: Path
) -> None:
    interrupted_migration(database, empty_store)
    write(database, RUN)
    before = database.read_bytes()
    with pytest.raises(InputError, match=r"mlflow\.db: its tables cannot be migrated .* move it"):
        ensure_schema(database)
    assert database.read_bytes() == before


def test_a_newer_database_is_refused(database: Path, empty_store: Path) -> None:
    shutil.copyfile(empty_store, database)
    write(database, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(InputError, match=r"mlflow\.db: a newer MLflow made it; .*ffffffffffff"):
        ensure_schema(database)


def test_a_database_that_another_process_has_open_is_not_replaced(
    database: Path, empty_store: Path
) -> None:
    make_old_database(database)
    command = [sys.executable, "-c", HOLDS_CONNECTION, str(database)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(InputError, match=rf"process {process.pid} has it open; end that one"):
            ensure_schema(database)
        assert revision(database) == OLD_REVISION
        process.kill()
    ensure_schema(database)
    assert revision(database) == revision(empty_store)


def test_a_journal_without_its_database_does_not_spoil_the_new_one(
    database: Path, empty_store: Path
) -> None:
    writer = sqlite3.connect(database)
    writer.executescript("PRAGMA cache_size = 1; CREATE TABLE t (x); BEGIN; ")
    writer.executemany("INSERT INTO t VALUES (?)", [("x" * 4000,)] * 50)
    journal = database.with_name("mlflow.db-journal")
    shutil.copyfile(journal, database.with_name("journal-copy"))
    writer.close()
    database.unlink()
    database.with_name("journal-copy").replace(journal)
    ensure_schema(database)
    assert revision(database) == revision(empty_store)
