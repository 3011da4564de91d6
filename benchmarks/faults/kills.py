"""SIGKILL runs, and the Prefect server that a run has started, at random moments."""

from __future__ import annotations

import random
import subprocess
import time
from contextlib import suppress

import psutil

from faults import base
from faults.sandbox import Sandbox, differences, digests, kill_group, missing, restore
from faults.trial import Outcome, Part

KILLS_IN_A_ROW = 4
"""Killed runs in the same home, before one is left to finish."""


def runs(part: Part, kills: int) -> None:
    """Kill runs, either the process alone or its whole group.

    Args:
        part: Where to record.
        kills: How many in all.
    """
    copy = base.home(part.folder)
    expected = base.expected(part.folder)

    def trial(_: int, chance: random.Random) -> Outcome:
        sandbox = restore(copy, part.folder / "sandbox")
        before = sandbox.versions()
        aliases = sandbox.in_service()
        for _ in range(KILLS_IN_A_ROW):
            _killed_run(sandbox, chance, float(expected["seconds"]))
        result, outcome = sandbox.run_recipe()
        wrong = [*result.faults("run after kills"), *differences(expected, outcome)]
        wrong += sandbox.left_behind()
        if sandbox.in_service() != aliases:
            wrong.append(f"{aliases} became {sandbox.in_service()}")
        name = f"{KILLS_IN_A_ROW} runs killed"
        return Outcome(name, missing(before, sandbox), tuple(wrong), result.seconds)

    part.run(-(-kills // KILLS_IN_A_ROW), trial)


def _killed_run(sandbox: Sandbox, chance: random.Random, duration: float) -> None:
    process = sandbox.start("run", "./tiny.yaml")
    time.sleep(chance.uniform(0, duration))
    if chance.random() < 0.5:
        kill_group(process)
    else:
        process.kill()
        process.wait()


def embedded_servers(part: Part, kills: int) -> None:
    """Kill the embedded Prefect server of a run, which must go on and lose nothing.

    Args:
        part: Where to record.
        kills: How many in all; one a run.
    """
    copy = base.home(part.folder)
    expected = base.expected(part.folder)

    def trial(_: int, chance: random.Random) -> Outcome:
        sandbox = restore(copy, part.folder / "sandbox")
        before = sandbox.versions()
        duration = float(expected["seconds"])
        outcome = sandbox.folder / "outcome.json"
        process = sandbox.start("run", "./tiny.yaml", "--json", str(outcome))
        time.sleep(chance.uniform(0, duration))
        killed = _kill_server(process)
        result = sandbox.wait(process)
        wrong = (*result.faults("run"), *differences(expected, digests(outcome)))
        name = "embedded server killed" if killed else "no embedded server at that moment"
        extra = max(0.0, result.seconds - duration) if killed else None
        return Outcome(name, missing(before, sandbox), (*wrong, *sandbox.left_behind()), extra)

    part.run(kills, trial)


def _kill_server(run: subprocess.Popen[str]) -> bool:
    """Kill the server below a run; false where there is none (yet, or any more)."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(run.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "prefect.server" in " ".join(child.cmdline()):
                    child.kill()
                    return True
    return False
