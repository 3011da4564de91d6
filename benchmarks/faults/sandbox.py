"""A home to damage: run commands in it, list what it holds, and find what is missing later."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import psutil

from coldpress.errors import CorruptCheckpointError
from coldpress.model.checkpoint import MANIFEST, Checkpoint

RECIPE = """
name: tiny
seed: 0
benchmark:
  kind: text-classification
  source: {origin: synthetic, train_examples: 200, test_examples: 60}
  max_tokens: 16
teacher:
  model: {origin: scratch, layers: 2, hidden_size: 32, heads: 2, neurons: 64, vocabulary_size: 300}
  epochs: 1
  learning_rate: 1.0e-3
distill: {method: logits, student: {layers: 1}, epochs: 1}
prune: [{method: neurons, keep_neurons: 0.5}]
quantize: {method: dynamic-int8}
evaluate: {latency: {rounds: 60}}
gate: {max_drop: 1.0, max_class_drop: 1.0}
"""
TEXT = "how far is the moon"
DETERMINISTIC_STAGES = (
    "train_teacher",
    "generate_soft_targets",
    "distill_student",
    "prune",
    "quantize",
)
"""Stages whose digest depends on the recipe alone, and not on what was measured."""


@dataclass(frozen=True)
class CommandResult:
    """Exit code and output of a command."""

    code: int
    output: str
    error: str
    seconds: float

    def faults(self, words: str, allowed: tuple[int, ...] = (0,)) -> tuple[str, ...]:
        """Return the faults of this result, if any.

        Args:
            words: The command, to name it in messages.
            allowed: Exit codes that are no fault.
        """
        last = " | ".join(self.error.strip().splitlines()[-2:])[-300:]
        if "Traceback (most recent call last)" in self.error + self.output:
            return (f"{words}: exit {self.code} with a traceback: {last}",)
        if self.code not in allowed:
            return (f"{words}: exit {self.code}: {last}",)
        return ()


@dataclass(frozen=True)
class Version:
    """A registered version and where its checkpoint is."""

    name: str
    number: int
    digest: str
    folder: Path | None

    def is_inside(self, folder: Path) -> bool:
        """True if the files are below a folder, and not in the home that was copied."""
        return self.folder is not None and self.folder.is_relative_to(folder)

    @property
    def is_intact(self) -> bool:
        """True if every file exists and has the registered digest."""
        if self.folder is None or not self.folder.exists():
            return False
        try:
            manifest = next(self.folder.rglob(MANIFEST))
            return Checkpoint.open(manifest.parent).digest == self.digest
        except (CorruptCheckpointError, StopIteration):
            return False


@dataclass(frozen=True)
class Sandbox:
    """A folder with a recipe and a home of its own.

    Attributes:
        folder: Working directory of every command.
        servers: Variables that name servers; without them everything is embedded.
    """

    folder: Path
    servers: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """The home."""
        return self.folder / "state"

    @property
    def environment(self) -> dict[str, str]:
        """The caller's environment without settings of Prefect and MLflow."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW"))}
        own = {"COLDPRESS_HOME": str(self.state), "OMP_NUM_THREADS": "1"}
        return {**inherited, **own, **self.servers}

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        number = len(list(self.folder.glob("command-*.out")))
        with (
            (self.folder / f"command-{number}.out").open("w") as output,
            (self.folder / f"command-{number}.err").open("w") as error,
        ):
            process = subprocess.Popen(
                [sys.executable, "-m", "flows.cli", *words],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=error,
                text=True,
                start_new_session=True,
            )
        _STARTED[process.pid] = (number, time.monotonic())
        return process

    def wait(self, process: subprocess.Popen[str], timeout: float = 300.0) -> CommandResult:
        """Wait for a command; one that takes too long is killed, with exit code 124."""
        number, began = _STARTED[process.pid]
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            kill_group(process)
            code = 124
        seconds = time.monotonic() - began
        output, error = (self.folder / f"command-{number}.{end}" for end in ("out", "err"))
        return CommandResult(code, output.read_text(), error.read_text(), seconds)

    def __call__(self, *words: str, timeout: float = 300.0) -> CommandResult:
        """Run a command to its end."""
        return self.wait(self.start(*words), timeout)

    def run_recipe(self, *words: str) -> tuple[CommandResult, dict[str, str]]:
        """Run the recipe, and return the digests of what its stages made."""
        path = self.folder / "outcome.json"
        path.unlink(missing_ok=True)
        result = self("run", "./tiny.yaml", "--json", str(path), *words)
        return result, digests(path)

    def query(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """Query MLflow's database without any library under test."""
        address = f"file:{self.state / 'mlflow.db'}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=60)) as database:
            return database.execute(question, values).fetchall()

    def versions(self) -> list[Version]:
        """Return every registered version of a stage."""
        rows = self.query(
            "select v.name, v.version, t.value, m.artifact_location from model_versions v"
            " join model_version_tags t on t.name = v.name and t.version = v.version"
            " and t.key = 'digest' left join logged_models m on 'models:/' || m.model_id = v.source"
            " where v.current_stage != 'Deleted_Internal' order by 1, 2"
        )
        return [Version(name, number, digest, _path(place)) for name, number, digest, place in rows]

    def in_service(self) -> dict[str, int]:
        """Return the version behind each alias that only a promotion moves, as `name@alias`."""
        rows = self.query(
            "select name || '@' || alias, version from registered_model_aliases"
            " where alias in ('champion', 'previous')"
        )
        return {str(name): int(version) for name, version in rows}

    def left_behind(self) -> tuple[str, ...]:
        """Return processes, open runs and half-made folders that no command is working on."""
        deadline = time.monotonic() + _SECONDS_TO_END
        while (processes := self._processes()) and time.monotonic() < deadline:
            time.sleep(0.5)
        running = self.query("select run_uuid from runs where status = 'RUNNING'")
        work = self.state / "work"
        folders = [f"folder {p.name} in work" for p in (work.iterdir() if work.exists() else ())]
        return (*processes, *(f"run {run} is open" for (run,) in running), *folders)

    def _processes(self) -> list[str]:
        processes = [p for p in psutil.process_iter(["pid", "cmdline", "environ"]) if self._owns(p)]
        return [f"process {p.pid}: {' '.join(p.info['cmdline'] or [])[:120]}" for p in processes]

    def _owns(self, process: psutil.Process) -> bool:
        if process.pid == os.getpid():
            return False
        return (process.info["environ"] or {}).get("COLDPRESS_HOME") == str(self.state)


_SECONDS_TO_END = 10.0
"""For a server that was told to end when its command did."""
_STARTED: dict[int, tuple[int, float]] = {}


def new(folder: Path) -> Sandbox:
    """Make a folder with the recipe in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.yaml").write_text(RECIPE)
    return Sandbox(folder)


def restore(base: Path, folder: Path) -> Sandbox:
    """Put a home back where it was made, as it was when `base` was copied from it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder, symlinks=True)
    return Sandbox(folder)


def digests(outcome: Path) -> dict[str, str]:
    """Read the digests that an outcome file reports; none where there is no file."""
    if not outcome.exists():
        return {}
    stages = json.loads(outcome.read_text())["stages"]
    return {stage["stage"]: stage["digest"] for stage in stages if stage["digest"]}


def kill_group(process: subprocess.Popen[str]) -> None:
    """SIGKILL a command and everything that it has started in its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def differences(expected: Mapping[str, str], actual: Mapping[str, str]) -> tuple[str, ...]:
    """List the stages whose result differs from that of an undisturbed run."""
    return tuple(
        f"{s} made another model" for s in DETERMINISTIC_STAGES if expected.get(s) != actual.get(s)
    )


def missing(before: list[Version], sandbox: Sandbox) -> tuple[str, ...]:
    """List the versions that are missing or altered."""
    by_name = {(v.name, v.number): v for v in sandbox.versions()}
    missing_versions = []
    for version in before:
        now = by_name.get((version.name, version.number))
        if now is None or now.digest != version.digest or not now.is_intact:
            missing_versions.append(f"{version.name}/{version.number}")
    return tuple(missing_versions)


def _path(location: str | None) -> Path | None:
    return None if location is None else Path(unquote(urlparse(location).path))
