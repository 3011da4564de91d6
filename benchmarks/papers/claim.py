"""A paper's claim beside what Coldpress measured: a record, written as JSON and read back."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from coldpress.report.formats import MINUS, percent, points, short

Unit = Literal["percent", "points", "times", "milliseconds", "count"]
Judgement = Literal["holds", "holds partly", "does not hold"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Paper(_Record):
    """What a paper says.

    Attributes:
        name: Of the script, the record and the figure.
        title: What the claim is about, as a heading.
        source: Authors, year, title, and where in it the claim stands.
        claim: In one sentence.
        figure: The paper's own figure, in words.
        across: What the curves run over, as the name of an axis.
        across_unit: `percent` is kept as a fraction.
        setting: What the measurement was, in sentences, with all that somebody else must know.
    """

    name: str
    title: str
    source: str
    claim: str
    figure: str
    across: str
    across_unit: Literal["percent", "count"] = "percent"
    setting: str

    @property
    def axis(self) -> str:
        """Name of the axis, with its unit."""
        return f"{self.across}, %" if self.across_unit == "percent" else self.across

    def shown(self, value: float) -> float:
        """Return a place on the axis as it is written there."""
        return 100 * value if self.across_unit == "percent" else value


class Number(_Record):
    """One figure, seed by seed.

    Attributes:
        unit: `percent` and `points` are kept as fractions.
        paper: The paper's figure, if it gives one, as it is to be read.
        seeds: One figure a seed.
        low: Lower bounds of their 95 % intervals over the test rows, if each has one.
        high: Upper bounds.
    """

    unit: Unit
    paper: str | None = None
    seeds: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return statistics.fmean(self.seeds)

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds; None of one."""
        return statistics.stdev(self.seeds) if len(self.seeds) > 1 else None

    def __str__(self) -> str:
        """Mean and spread, with the unit."""
        return said(self.unit, self.mean, self.spread)


class Curve(_Record):
    """Accuracy, or what else, against a share.

    Attributes:
        across: Places on the axis, shape (points,).
        seeds: One row of fractions a seed, shape (seeds, points).
    """

    across: tuple[float, ...]
    seeds: tuple[tuple[float, ...], ...]

    def at(self, place: int) -> Number:
        """Return one point of it."""
        return Number(unit="percent", seeds=tuple(row[place] for row in self.seeds))

    @property
    def mean(self) -> float:
        """Over points and seeds."""
        return statistics.fmean(statistics.fmean(row) for row in self.seeds)


class Verdict(_Record):
    """Whether the claim holds here, and why one must say so."""

    judgement: Judgement
    reason: str


class Data(_Record):
    """A dataset: how many rows, and which."""

    name: str
    train: int
    validation: int
    test: int
    test_digest: str


class Result(_Record):
    """What was found on one dataset.

    Attributes:
        data: The dataset.
        teachers: Digest of each seed's teacher.
        numbers: By name.
        curves: By name.
        verdict: Computed from the numbers and curves.
        seconds: Of all seeds; the training of models that are kept for all claims is left out.
    """

    data: Data
    teachers: tuple[str, ...]
    numbers: Mapping[str, Number]
    curves: Mapping[str, Curve]
    verdict: Verdict
    seconds: float


class Claim(_Record):
    """A claim, the figures found for it, and how to find them again.

    Attributes:
        paper: What is claimed.
        results: One a dataset; the first is the one that the verdict in the table is of.
        seeds: The seeds.
        command: What was run, with the names of paths only.
        conditions: Processor, threads, versions.
    """

    paper: Paper
    results: tuple[Result, ...]
    seeds: tuple[int, ...]
    command: str
    conditions: Mapping[str, str]


def judged(asked: Sequence[bool], reason: str) -> Verdict:
    """Judge a claim by all that it says.

    Args:
        asked: Whether each part of it is so.
        reason: The figures that tell.

    Returns:
        Holds if every part does, partly if one does.
    """
    judgement: Judgement = "holds partly" if any(asked) else "does not hold"
    return Verdict(judgement="holds" if all(asked) else judgement, reason=reason)


def said(unit: Unit, mean: float, spread: float | None) -> str:
    """Write a figure with its unit.

    Args:
        unit: Of both.
        mean: Of the seeds.
        spread: Standard deviation, or None.

    Returns:
        As in `96.1 ± 0.4 %`.
    """
    around = "" if spread is None else f" ± {_plain(unit, spread)}"
    if unit == "points":
        return f"{points(mean)}{around} points"
    sign = MINUS if mean < 0 else ""
    after = {"percent": " %", "times": "x", "milliseconds": " ms", "count": ""}[unit]
    return f"{sign}{_plain(unit, abs(mean))}{around}{after}"


def write(claim: Claim, docs: Path) -> Path:
    """Keep a record under its claim's name, written aside and moved.

    Args:
        claim: What was measured.
        docs: The folder of the documentation.

    Returns:
        The file, `papers/<name>.json` below it.
    """
    target = docs / "papers" / f"{claim.paper.name}.json"
    put(target, claim.model_dump_json(indent=1) + "\n")
    return target


def read_all(docs: Path) -> list[Claim]:
    """Read every record, by name.

    Args:
        docs: The folder of the documentation.

    Returns:
        Whatever has been measured so far.
    """
    files = sorted((docs / "papers").glob("*.json"))
    return [Claim.model_validate_json(file.read_bytes()) for file in files]


def put(target: Path, text: str) -> None:
    """Write a text file aside and move it whole.

    Args:
        target: Replaced if it exists.
        text: Its content.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}")
    aside.write_text(text)
    aside.replace(target)


def _plain(unit: Unit, value: float) -> str:
    if unit in ("percent", "points"):
        return percent(value)
    return f"{value:.2f}" if unit == "times" else short(value)
