"""Record the outcome of each trial, so that a benchmark can be resumed."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """One trial.

    Attributes:
        done: The fault, in a few words; trials with the same words are counted together.
        lost: Objects that existed before and are missing now.
        wrong: Any other fault: a traceback, another prediction, a command that failed.
        seconds: Time until everything worked again; None if there was nothing to recover.
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
        read: list[dict[str, Any]] = self._read().get("outcomes", [])
        return [Outcome(o["done"], tuple(o["lost"]), tuple(o["wrong"]), o["seconds"]) for o in read]

    def planned(self) -> int:
        """Return how many trials there are to be, or none where the part has not begun."""
        return int(self._read().get("planned", 0))

    def _read(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.record.read_text()) if self.record.exists() else {}
        return read

    def _write(self, planned: int, outcomes: Sequence[Outcome]) -> None:
        """Move the record into place whole: the benchmark may be stopped at any moment too."""
        aside = self.record.with_suffix(".aside")
        content = {"planned": planned, "outcomes": [asdict(outcome) for outcome in outcomes]}
        aside.write_text(json.dumps(content, indent=1))
        aside.replace(self.record)

    def run(self, count: int, trial: Callable[[int, random.Random], Outcome]) -> None:
        """Run the remaining trials, until there is no time left.

        Args:
            count: Trials in all.
            trial: Carries one out, by its number and its own source of chance.
        """
        outcomes = self.outcomes()
        self._write(count, outcomes)
        for number in range(len(outcomes), count):
            if time.time() > self.until:
                break
            outcomes.append(trial(number, random.Random(f"{self.seed} {self.name} {number}")))
            self._write(count, outcomes)
            print(number, outcomes[-1], flush=True)
