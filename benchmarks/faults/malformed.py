"""Malformed recipes, data files and teachers: one line and exit 2, or work that succeeds."""

from __future__ import annotations

import json
import random
import select
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faults import inputs
from faults.mutations import mutate_bytes, mutate_json, mutate_text
from faults.sandbox import Sandbox
from faults.trial import Outcome, Part

CHECK = """
import contextlib, io, json, os, sys, traceback
from flows.cli import exit_codes, main
from tasks.environment import home
home.set_defaults()
for line in sys.stdin:
    folder, name = os.path.split(line.strip())
    os.chdir(folder)
    sys.argv = ["coldpress", "check", "./" + name]
    error = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(error):
        try:
            code = exit_codes.run_command(main.app)
        except BaseException:
            code = 1
            traceback.print_exc()
    print("ANSWER" + json.dumps([code, error.getvalue()]), flush=True)
"""
SECONDS = 60.0
"""For one check; a longer one counts as hanging."""
_RUN = "accepted and run"


class Checker:
    """`coldpress check` in one process for many recipes: starting it is what takes time."""

    def __init__(self, folder: Path) -> None:
        self._sandbox = Sandbox(folder)
        self._process = self._start()

    def __call__(self, recipe: Path) -> tuple[int, str]:
        """Check a recipe, and return the exit code and standard error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{recipe}\n")
        self._process.stdin.flush()
        while select.select([self._process.stdout], [], [], SECONDS)[0]:
            line = self._process.stdout.readline()
            if line.startswith("ANSWER"):
                code, error = json.loads(line.removeprefix("ANSWER"))
                return int(code), str(error)
            if not line:
                break
        self._process.kill()
        ended = self._process.wait()
        self._process = self._start()
        return 124, f"Traceback (most recent call last): hung or died with {ended}"

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", CHECK],
            cwd=self._sandbox.folder,
            env=self._sandbox.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )


def files(part: Part, count: int, runs: int) -> None:
    """Change valid inputs, check them, and run some of those that are accepted.

    Args:
        part: Where to record.
        count: Recipes, data files and models in all.
        runs: At most so many accepted ones are run.
    """
    inputs.write(part.folder / "valid")
    check = Checker(part.folder)
    code, error = check(part.folder / "valid" / inputs.RECIPE)
    if code:
        raise RuntimeError(f"the valid recipe is refused: {error}")
    ran = sum(outcome.done.endswith(_RUN) for outcome in part.outcomes())

    def trial(number: int, chance: random.Random) -> Outcome:
        nonlocal ran
        folder = part.folder / f"trial-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(part.folder / "valid", folder)
        kind, change = _change(folder, number, chance)
        code, error = check(folder / inputs.RECIPE)
        wrong = _wrong(f"check of {change}", code, error)
        if code == 0 and ran < runs and chance.random() < 0.5:
            ran += 1
            return _run(folder, kind, change)
        if not wrong:
            shutil.rmtree(folder)
        return Outcome(f"{kind}: {'accepted' if code == 0 else 'refused'}", wrong=wrong)

    part.run(count, trial)


def _wrong(change: str, code: int, error: str) -> tuple[str, ...]:
    """A refusal is exit 2 and exactly one line; anything but 0 and 2 is wrong."""
    if "Traceback" in error or code not in (0, 2):
        return (f"{change}: exit {code}: {error.strip()[-300:]}",)
    lines = error.strip().splitlines()
    return (
        (f"{change}: {len(lines)} lines: {error[:300]}",) if code == 2 and len(lines) != 1 else ()
    )


def _run(folder: Path, kind: str, change: str) -> Outcome:
    """What `check` accepts must run to its end; only the gate may still say no."""
    sandbox = Sandbox(folder)
    result = sandbox("run", f"./{inputs.RECIPE}")
    wrong = list(result.faults(f"run of {change}, which check accepts", (0, 1)))
    if result.code == 2 and (sandbox.state / "mlflow.db").exists() and sandbox.versions():
        wrong.append(f"run of {change}: exit 2, and {len(sandbox.versions())} versions registered")
    if not wrong:
        shutil.rmtree(folder)
    return Outcome(f"{kind}: {_RUN}", wrong=tuple(wrong))


def _change(folder: Path, number: int, chance: random.Random) -> tuple[str, str]:
    """Change one file; in turn the recipe, a data file, a file of the teacher."""
    changes: tuple[Callable[[Path, random.Random], tuple[str, str]], ...]
    changes = (_change_recipe, _change_data, _change_teacher)
    return changes[number % len(changes)](folder, chance)


def _change_recipe(folder: Path, chance: random.Random) -> tuple[str, str]:
    path = folder / inputs.RECIPE
    if chance.random() < 0.5:
        text, change = mutate_text(path.read_text(), chance)
        path.write_bytes(text)
    else:
        described: dict[str, Any] = inputs.described()
        change = mutate_json(described, chance)
        path.write_text(json.dumps(described))  # JSON is YAML
    return "recipe", f"recipe, {change} ({folder.name})"


def _change_data(folder: Path, chance: random.Random) -> tuple[str, str]:
    path = folder / chance.choice(inputs.DATA)
    if path.suffix == ".parquet" or chance.random() < 0.3:
        changed, change = mutate_bytes(path.read_bytes(), chance)
    else:
        changed, change = mutate_text(path.read_text(), chance)
    path.write_bytes(changed)
    return "data file", f"{path.name}, {change} ({folder.name})"


def _change_teacher(folder: Path, chance: random.Random) -> tuple[str, str]:
    path = chance.choice(sorted((folder / inputs.TEACHER).iterdir()))
    draw = chance.random()
    if path.suffix == ".json" and draw < 0.6:
        described = json.loads(path.read_text())
        change = mutate_json(described, chance)
        path.write_text(json.dumps(described))
    elif draw < 0.7:
        path.unlink()
        change = "deleted"
    else:
        changed, change = mutate_bytes(path.read_bytes(), chance)
        path.write_bytes(changed)
    return "teacher", f"{path.name}, {change} ({folder.name})"
