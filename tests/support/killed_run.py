"""A run of the tiny recipe that is ended by a signal in the middle of a stage."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from coldpress.schema.stages import Stage
from tests.support.command import Coldpress

OPEN_STAGE = """
SELECT 1 FROM runs JOIN tags ON runs.run_uuid = tags.run_uuid
WHERE tags.key = 'coldpress.stage' AND tags.value = ? AND runs.status = 'RUNNING'
"""
REPORT = ("--json", "ended.json")
# What a shell starts in the background ignores Ctrl-C, and the tests may be such a thing.
FOREGROUND = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def wait_for(database: Path, stage: Stage, process: subprocess.Popen[bytes]) -> None:
    """Return at the moment that a stage's run is open."""
    deadline = time.monotonic() + 300  # on a busy machine, imports alone take a minute
    uri = f"file:{database}?mode=ro"
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the run ended before {stage}"
        # The database or its tables may not be there yet, or be locked for an instant.
        with suppress(sqlite3.OperationalError), sqlite3.connect(uri, uri=True) as reader:
            if reader.execute(OPEN_STAGE, (stage,)).fetchone():
                return
        time.sleep(0.005)
    raise TimeoutError(stage)


def end_in(
    coldpress: Coldpress,
    stage: Stage,
    number: signal.Signals,
    *,
    group: bool = False,
    when: Callable[[], bool] = lambda: True,
) -> int:
    """Send a signal in a stage: to the process alone, or as a terminal does, and impatiently.

    `when` is asked again and again from the start of the stage until it holds.
    """
    with (coldpress.home / "killed.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", FOREGROUND, *coldpress.command("run", "./tiny.yaml", *REPORT)],
            cwd=coldpress.home,
            env=coldpress.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_for(coldpress.home / "state" / "mlflow.db", stage, process)
            while not when():
                assert process.poll() is None, f"the run ended in {stage}"
        except BaseException:
            process.kill()
            raise
        if group:
            os.killpg(process.pid, number)
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        return process.wait(60)
