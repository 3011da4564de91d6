"""Real commands, with a home of their own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flows.cli import exit_codes
from flows.cli.main import app
from tasks.environment import home
from tests.support.prefect_server import call_api

WITHOUT_PREFECT = frozenset(
    {
        "card",
        "check",
        "index",
        "lineage",
        "predict",
        "pull",
        "push",
        "recipes",
        "report",
        "search-index",
    }
)
"""Commands that can run in this process; their imports take longer than what they do."""

RECIPE = """
name: tiny
benchmark:
  kind: text-classification
  source: {origin: synthetic, train_examples: 200, test_examples: 60}
teacher:
  model: {origin: scratch, layers: 2, hidden_size: 32, heads: 4, neurons: 64, vocabulary_size: 500}
  epochs: 2
  learning_rate: 1.0e-3
distill: {method: logits, student: {layers: 1}, epochs: 1}
prune: [{method: neurons, keep_neurons: 0.5}, {method: heads, keep_heads: 0.5}]
quantize: {method: dynamic-int8}
evaluate: {latency: {rounds: 60}}
gate: {max_drop: 1.0, max_class_drop: 1.0, min_speedup: 0.01}
"""


@dataclass(frozen=True)
class Coldpress:
    """The command, its working directory and its state."""

    home: Path
    servers: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Where no server is configured, everything is embedded below the home."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW"))}
        own = {"COLDPRESS_HOME": str(self.home / "state"), "OMP_NUM_THREADS": "1"}
        return {**inherited, **own, **self.servers}

    def command(self, *words: str) -> list[str]:
        """Return the command line."""
        return [sys.executable, "-m", "flows.cli", *words]

    def __call__(self, *words: str, also: Mapping[str, str] | None = None) -> CommandResult:
        """Run a command to its end, in a process of its own if it needs Prefect."""
        environment = {**self.environment, **(also or {})}
        if words[0] in WITHOUT_PREFECT:
            return self._run_here(words, environment)
        return self.run_process(words, environment)

    def run_process(self, words: tuple[str, ...], environment: Mapping[str, str]) -> CommandResult:
        """Run a command in a process of its own."""
        result = subprocess.run(
            self.command(*words),
            cwd=self.home,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return CommandResult(result.returncode, result.stdout, result.stderr)

    def _run_here(self, words: tuple[str, ...], environment: Mapping[str, str]) -> CommandResult:
        output = io.StringIO()
        error = io.StringIO()
        with (
            chdir(self.home),
            patch.dict(os.environ, environment, clear=True),
            redirect_stdout(output),
            redirect_stderr(error),
        ):
            home.set_defaults()
            code = exit_codes.run_command(lambda: app(words))
        return CommandResult(code, output.getvalue(), error.getvalue())

    def ask_prefect(self, path: str, query: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Return the answer of the Prefect server in `servers` to a query."""
        address = f"{self.servers['PREFECT_API_URL']}/{path}"
        return call_api("POST", address, query).raise_for_status().json()

    def run_tiny(self, *words: str) -> dict[str, Any]:
        """Run the tiny recipe, changed by `words`, and return its outcome."""
        path = self.home / "outcome.json"
        result = self("run", "./tiny.yaml", "--json", str(path), *words)
        assert result.code == 0, result.error
        outcome: dict[str, Any] = json.loads(path.read_text())
        return outcome


@dataclass(frozen=True)
class CommandResult:
    """How a command ended."""

    code: int
    output: str
    error: str


def new_home(
    path: Path, recipe: str = RECIPE, servers: Mapping[str, str] | None = None
) -> Coldpress:
    """Make a working directory with a tiny recipe in it.

    Args:
        path: The directory.
        recipe: What `tiny.yaml` contains.
        servers: Variables with the addresses of servers; without them, each run starts its own.
    """
    path.mkdir(parents=True, exist_ok=True)
    (path / "tiny.yaml").write_text(recipe)
    return Coldpress(path, servers or {})
