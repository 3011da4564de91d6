"""Fill the disk while a stage is at work."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coldpress.schema.stages import STAGES
from faults import base
from faults.sandbox import Sandbox, differences, missing
from faults.trial import Outcome, Part

MEBIBYTES = 1024
"""Of the small disk: `check` asks for some 200 MiB."""


def stages(part: Part, rounds: int) -> None:
    """Fill the disk when a stage begins, once a round for each of the seven.

    Needs root: the home is on a small tmpfs. Without it nothing is done, and the record says so.

    Args:
        part: Where to record.
        rounds: How often each stage is met.
    """
    expected = base.expected(part.folder)
    copy = base.home(part.folder)

    def trial(number: int, chance: random.Random) -> Outcome:
        if os.geteuid() != 0:
            return Outcome("left out: mounting a small disk needs root")
        stage = STAGES[number % len(STAGES)]
        with _small_disk(part.folder / "sandbox") as folder:
            shutil.copytree(copy, folder, symlinks=True, dirs_exist_ok=True)
            return _trial(Sandbox(folder), stage, chance, expected)

    part.run(rounds * len(STAGES), trial)


def _trial(
    sandbox: Sandbox, stage: str, chance: random.Random, expected: dict[str, str]
) -> Outcome:
    before = sandbox.versions()
    aliases = sandbox.in_service()
    process = sandbox.start("run", "./tiny.yaml")
    has_begun = _wait_for(sandbox, stage, process)
    time.sleep(chance.uniform(0, 0.3))
    filler = _fill(sandbox.folder) if has_begun else None
    full = sandbox.wait(process)
    wrong = list(full.faults(f"run on a full disk ({stage})", (1, 2)) if filler else ())
    if filler:
        filler.unlink()
    result, digests = sandbox.run_recipe()
    wrong += [*result.faults("run with space again"), *differences(expected, digests)]
    wrong += sandbox.left_behind()
    if sandbox.in_service() != aliases:
        wrong.append(f"{aliases} became {sandbox.in_service()}")
    name = f"disk full in {stage}" if filler else f"{stage} was over before the disk was full"
    return Outcome(name, missing(before, sandbox), tuple(wrong), result.seconds)


def _wait_for(sandbox: Sandbox, stage: str, process: subprocess.Popen[str]) -> bool:
    """Wait until a stage's run is open; false where it did not come to that."""
    question = (
        "select 1 from runs r join tags t on t.run_uuid = r.run_uuid and t.key = 'coldpress.stage'"
        " where r.status = 'RUNNING' and t.value = ?"
    )
    while process.poll() is None:
        try:
            if sandbox.query(question, stage):
                return True
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):  # it is locked for an instant
                raise
        time.sleep(0.02)
    return False


def _fill(folder: Path) -> Path:
    """Write until there is no room for another page."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return filler


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    size = f"size={MEBIBYTES}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
