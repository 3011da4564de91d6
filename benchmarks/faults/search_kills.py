"""SIGKILL searches and the processes of their trials at random moments."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing, suppress

import psutil

from faults import base
from faults.sandbox import Sandbox, missing, restore
from faults.trial import Outcome, Part

KILLS_IN_A_ROW = 5
"""Kills in one study, before it is left to finish."""
TRIALS = 8
SPACE = (
    "search={distill.learning_rate: [1.0e-4, 1.0e-3], prune.0.keep_neurons: [0.25, 0.5, 0.75],"
    " quantize.method: [dynamic-int8, static-int8]}"
)
BUDGET = ("--budget", "p95_ms=1000", "--budget", "retention=1%")
_TRIAL_STATES = """
SELECT state FROM trials WHERE trial_id NOT IN
  (SELECT trial_id FROM trial_user_attributes WHERE key = 'repeats')
"""
_TRIAL_VALUES = """
SELECT group_concat(param_name || '=' || param_value) FROM
  (SELECT * FROM trial_params ORDER BY param_name) NATURAL JOIN trials
WHERE state = 'COMPLETE' AND trial_id NOT IN
  (SELECT trial_id FROM trial_user_attributes WHERE key = 'repeats') GROUP BY trial_id
"""


def searches(part: Part, kills: int) -> None:
    """Kill a search or one of its workers, and let the same command finish the study.

    Args:
        part: Where to record.
        kills: How many in all.
    """
    copy = base.home(part.folder)
    duration = 2.0 * float(base.expected(part.folder)["seconds"])

    def trial(_: int, chance: random.Random) -> Outcome:
        sandbox = restore(copy, part.folder / "sandbox")
        before = sandbox.versions()
        search = _start(sandbox)
        names = []
        for _ in range(KILLS_IN_A_ROW):
            time.sleep(chance.uniform(0, duration))
            name, search = _kill(sandbox, search, chance)
            names.append(name)
        result = sandbox.wait(search, timeout=900)
        wrong = (*result.faults("search after kills"), *_wrong_trials(sandbox))
        done = ", ".join(f"{count} x {name}" for name, count in sorted(Counter(names).items()))
        lost = missing(before, sandbox)
        return Outcome(done, lost, (*wrong, *sandbox.left_behind()), result.seconds)

    part.run(-(-kills // KILLS_IN_A_ROW), trial)


def _start(sandbox: Sandbox) -> subprocess.Popen[str]:
    words = ("--set", SPACE, "--trials", str(TRIALS), "--workers", "2", *BUDGET)
    return sandbox.start("search", "./tiny.yaml", *words)


def _kill(
    sandbox: Sandbox, search: subprocess.Popen[str], chance: random.Random
) -> tuple[str, subprocess.Popen[str]]:
    """Kill a worker, or the search, which is then started again.

    Returns:
        What was killed, and the search that goes on.
    """
    workers = _workers(search)
    if workers and chance.random() < 0.5:
        chance.choice(workers).kill()
        return "worker killed", search
    name = "search killed" if search.poll() is None else "search was finished"
    search.kill()
    search.wait()
    return name, _start(sandbox)


def _workers(search: subprocess.Popen[str]) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(search.pid).children()
        return [child for child in children if "flows.flow_pool.worker" in child.cmdline()]
    return []


def _wrong_trials(sandbox: Sandbox) -> tuple[str, ...]:
    """Describe trials that are lost, left open, failed, or made twice."""
    address = f"file:{sandbox.state / 'studies.db'}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=60)) as database:
        states = Counter(state for (state,) in database.execute(_TRIAL_STATES))
        values = Counter(database.execute(_TRIAL_VALUES))
    wrong = [] if states == {"COMPLETE": TRIALS} else [f"trials: {dict(states)}"]
    return (*wrong, *(f"two trials of {key}" for (key,), count in values.items() if count > 1))
