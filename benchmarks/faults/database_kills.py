"""SIGKILL PostgreSQL below an MLflow server while a run uses it."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from servers import free_port, wait_for

from faults import base
from faults.sandbox import Sandbox, differences, digests, new
from faults.trial import Outcome, Part

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: -int(p.parent.name))


def postgres(part: Part, kills: int) -> None:
    """Kill every process of the database at a random moment of a run, and start it again.

    Args:
        part: Where to record.
        kills: How many in all; none where PostgreSQL is not installed.
    """
    if len(part.outcomes()) >= kills:
        return
    if not _BINARIES:
        part.run(1, lambda *_: Outcome("left out: PostgreSQL is not installed"))
        return
    expected = base.expected(part.folder)
    with _database() as database, _mlflow(database, part.folder) as address:
        sandbox = replace(new(part.folder / "sandbox"), servers={"MLFLOW_TRACKING_URI": address})

        def trial(_: int, chance: random.Random) -> Outcome:
            return _trial(sandbox, database, chance, expected)

        part.run(kills, trial)


def _trial(
    sandbox: Sandbox,
    database: Database,
    chance: random.Random,
    expected: dict[str, str],
) -> Outcome:
    outcome = sandbox.folder / "outcome.json"
    outcome.unlink(missing_ok=True)
    run = sandbox.start("run", "./tiny.yaml", "--json", str(outcome))
    time.sleep(chance.uniform(3, float(expected["seconds"])))
    has_ended = run.poll() is not None
    database.kill()
    time.sleep(chance.uniform(0, 5))
    start = time.monotonic()
    database.start()
    result = sandbox.wait(run, timeout=600)
    wrong = (
        *result.faults("run while PostgreSQL was killed"),
        *differences(expected, digests(outcome)),
    )
    name = "PostgreSQL killed" + (" after the run" if has_ended else "")
    return Outcome(name, wrong=wrong, seconds=None if has_ended else time.monotonic() - start)


@dataclass(frozen=True)
class Database:
    """A PostgreSQL cluster."""

    folder: Path
    port: int
    password: str

    @property
    def address(self) -> str:
        """For SQLAlchemy."""
        place = f"coldpress:{self.password}@127.0.0.1:{self.port}/postgres"
        return f"postgresql+psycopg2://{place}"

    def start(self) -> None:
        """Start it, and return when it answers."""
        listens = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        data = str(self.folder / "data")
        _as_its_user(
            "pg_ctl", "-w", "-D", data, "-l", str(self.folder / "log"), "-o", listens, "start"
        )

    def kill(self) -> None:
        """SIGKILL all of its processes, as an end of the machine would."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        first = psutil.Process(pid)
        processes = [first, *first.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=30)

    def stop(self) -> None:
        """End it without waiting for clients."""
        _as_its_user("pg_ctl", "-w", "-D", str(self.folder / "data"), "-m", "immediate", "stop")


@contextmanager
def _database() -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="postgres-") as directory:
        folder = Path(directory)
        database = Database(folder, free_port(), secrets.token_hex(16))
        password = folder / "password"
        password.write_text(database.password)
        if os.geteuid() == 0:
            for path in (folder, password):
                shutil.chown(path, "postgres")
        words = ("-U", "coldpress", "-A", "scram-sha-256", "--pwfile", str(password), "-E", "UTF8")
        _as_its_user("initdb", "-D", str(folder / "data"), *words)
        database.start()
        try:
            yield database
        finally:
            database.stop()


@contextmanager
def _mlflow(database: Database, folder: Path) -> Iterator[str]:
    port = free_port()
    words = ("--backend-store-uri", database.address, "--port", str(port), "--workers", "2")
    files = ("--artifacts-destination", str(folder / "served"))
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "mlflow.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *words, *files],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def _as_its_user(program: str, *words: str) -> None:
    """PostgreSQL refuses to run as root."""
    become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    command = [*become, str(_BINARIES[0] / program), *words]
    subprocess.run(command, cwd="/", check=True, stdout=subprocess.DEVNULL)
