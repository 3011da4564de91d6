"""Record what each trial did, lost and got wrong, so that a benchmark can be resumed."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """One trial.

    Attributes:
        done: What was done, in a few words; trials with the same words are counted together.
        lost: What was there before and is not there any more.
        wrong: Whatever else must not be: a traceback, another answer, a command that failed.
        seconds: How long it took until everything worked again; None where nothing was to recover.
    """

    done: str
    lost: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True)
class Part:
    """A kind of fault, tried many times.

    Attributes:
        name: As in `--parts`.
        folder: Its own, kept between a run and its resumption.
        seed: Decides every trial together with the trial's number.
        until: When to stop, in seconds since the epoch.
    """

    name: str
    folder: Path
    seed: int
    until: float

    @property
    def record(self) -> Path:
        """The outcomes so far."""
        return self.folder / "record.json"

    def outcomes(self) -> list[Outcome]:
        """Read the trials that an earlier start has finished."""
        if not self.record.exists():
            return []
        read: list[dict[str, Any]] = json.loads(self.record.read_text())
        return [Outcome(o["done"], tuple(o["lost"]), tuple(o["wrong"]), o["seconds"]) for o in read]

    def run(self, count: int, trial: Callable[[int, random.Random], Outcome]) -> None:
        """Do the trials that are not done yet, until there is no time left.

        Args:
            count: Trials in all.
            trial: Carries one out, by its number and its own source of chance.
        """
        outcomes = self.outcomes()
        for number in range(len(outcomes), count):
            if time.time() > self.until:
                break
            outcomes.append(trial(number, random.Random(f"{self.seed} {self.name} {number}")))
            aside = self.record.with_suffix(".aside")
            aside.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1))
            aside.replace(self.record)
            print(number, outcomes[-1], flush=True)
