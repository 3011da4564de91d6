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
"""Of runs of the same home, before one is let through."""


def runs(part: Part, kills: int) -> None:
    """Kill runs; the process alone or with all that it has started.

    Args:
        part: Where to record.
        kills: How many in all.
    """
    copy, alone = base.home(part.folder), base.expected(part.folder)

    def trial(_: int, chance: random.Random) -> Outcome:
        sandbox = restore(copy, part.folder / "sandbox")
        before, served = sandbox.versions(), sandbox.in_service()
        for _ in range(KILLS_IN_A_ROW):
            _killed_run(sandbox, chance, float(alone["seconds"]))
        done, made = sandbox.run_recipe()
        wrong = [*done.faults("run after kills"), *differences(alone, made)]
        wrong += sandbox.left_behind()
        if sandbox.in_service() != served:
            wrong.append(f"{served} became {sandbox.in_service()}")
        name = f"{KILLS_IN_A_ROW} runs killed"
        return Outcome(name, missing(before, sandbox), tuple(wrong), done.seconds)

    part.run(-(-kills // KILLS_IN_A_ROW), trial)


def _killed_run(sandbox: Sandbox, chance: random.Random, usual: float) -> None:
    process = sandbox.start("run", "./tiny.yaml")
    time.sleep(chance.uniform(0, usual))
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
    copy, alone = base.home(part.folder), base.expected(part.folder)

    def trial(_: int, chance: random.Random) -> Outcome:
        sandbox = restore(copy, part.folder / "sandbox")
        before, usual = sandbox.versions(), float(alone["seconds"])
        outcome = sandbox.folder / "outcome.json"
        process = sandbox.start("run", "./tiny.yaml", "--json", str(outcome))
        time.sleep(chance.uniform(0, usual))
        killed = _kill_server(process)
        done = sandbox.wait(process)
        wrong = (*done.faults("run"), *differences(alone, digests(outcome)))
        name = "embedded server killed" if killed else "no embedded server at that moment"
        extra = max(0.0, done.seconds - usual) if killed else None
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
