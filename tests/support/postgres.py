"""A PostgreSQL cluster of its own, in a folder of its own, that a test may stop and start."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER = "coldpress"
_SYSTEM_USER = "postgres"
_NEWEST_FIRST = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: -int(p.parent.name))


def programs() -> Path | None:
    """Where `initdb` and the others are, if PostgreSQL is installed."""
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else next(iter(_NEWEST_FIRST), None)


def why_not() -> str | None:
    """Why no cluster can be made here, if none can."""
    if programs() is None:
        return "PostgreSQL is not installed"
    if os.getuid() == 0 and not _exists(_SYSTEM_USER):
        return f"PostgreSQL refuses to run as root, and there is no user {_SYSTEM_USER}"
    return None


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


@dataclass(frozen=True)
class Cluster:
    """Its files, where it listens, and the password of its one user."""

    folder: Path
    port: int
    password: str

    @property
    def environment(self) -> dict[str, str]:
        """What libpq and asyncpg read, so that no address has to hold a password."""
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": USER,
            "PGPASSWORD": self.password,
        }

    def start(self) -> None:
        """Start it, and return when it answers."""
        listens = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        self._control("start", "-l", str(self.folder / "log"), "-o", listens)

    def stop(self) -> None:
        """Stop it as a crash would: no client is told, nothing is written back."""
        self._control("stop", "-m", "immediate")

    def _control(self, *words: str) -> None:
        _as_its_user("pg_ctl", "-w", "-D", str(self.folder / "data"), *words)

    def rows(self, database: str, question: str) -> list[list[str]]:
        """Ask a database in SQL, and return the answer as text."""
        output = self.run("psql", "-d", database, "-At", "-F", "\t", "-c", question)
        return [line.split("\t") for line in output.splitlines()]

    def run(self, program: str, *words: str) -> str:
        """Run one of PostgreSQL's own programs against it, and return what it printed."""
        environment = {**os.environ, **self.environment}
        result = subprocess.run(
            [str(_program(program)), *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout


@contextmanager
def running(*databases: str) -> Iterator[Cluster]:
    """Have a cluster that asks for a password, with these databases, for a block."""
    # Not below pytest's folder, which only this user may enter.
    with tempfile.TemporaryDirectory(prefix="postgres-") as directory:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            cluster = Cluster(Path(directory), free.getsockname()[1], secrets.token_hex(16))
        _initialise(cluster)
        cluster.start()
        try:
            for database in databases:
                cluster.run("createdb", database)
            yield cluster
        finally:
            cluster.stop()


def _initialise(cluster: Cluster) -> None:
    password_file = cluster.folder / "password"
    password_file.write_text(cluster.password)
    if os.getuid() == 0:
        for path in (cluster.folder, password_file):
            shutil.chown(path, _SYSTEM_USER)
    words = ("-U", USER, "-A", "scram-sha-256", "--pwfile", str(password_file), "-E", "UTF8")
    _as_its_user("initdb", "-D", str(cluster.folder / "data"), *words)
    password_file.unlink()


def _as_its_user(program: str, *words: str) -> None:
    """PostgreSQL refuses to run as root; what it leaves running keeps no pipe of ours open."""
    become = ["runuser", "-u", _SYSTEM_USER, "--"] if os.getuid() == 0 else []
    with tempfile.TemporaryFile() as output:
        command = [*become, str(_program(program)), *words]
        result = subprocess.run(command, cwd="/", stdout=output, stderr=output, check=False)
        output.seek(0)
        assert result.returncode == 0, output.read().decode()


def _program(name: str) -> Path:
    folder = programs()
    assert folder is not None
    return folder / name
