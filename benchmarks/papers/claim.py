"""Record of a paper's claim and of Coldpress's measurements, stored as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from coldpress.report.formats import MINUS, percent, short, signed_points
from tasks.environment.atomic_file import write_text_atomic

Unit = Literal["percent", "points", "times", "milliseconds", "count"]
Judgement = Literal["holds", "holds partly", "does not hold"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Paper(_Record):
    """A paper's claim.

    Attributes:
        name: Of the script, the record and the figure.
        title: Heading.
        source: Authors, year, title, and the section of the claim.
        claim: One sentence.
        figure: The paper's own numbers, as text.
        across: Label of the curves' horizontal axis.
        across_unit: `percent` is stored as a fraction.
        setting: Description of the measurement, with everything needed to repeat it.
        score: Name of what the curves show.
    """

    name: str
    title: str
    source: str
    claim: str
    figure: str
    across: str
    across_unit: Literal["percent", "count"] = "percent"
    setting: str
    score: str = "accuracy"

    @property
    def axis(self) -> str:
        """Label of the axis, with its unit."""
        return f"{self.across}, %" if self.across_unit == "percent" else self.across

    def axis_value(self, value: float) -> float:
        """Return a position in the unit of the axis."""
        return 100 * value if self.across_unit == "percent" else value


class Number(_Record):
    """One number, seed by seed.

    Attributes:
        unit: `percent` and `points` are stored as fractions.
        paper: The paper's number, as text, if there is one.
        seeds: One value per seed.
        low: Lower bounds of their 95 % intervals over the test rows, if they have any.
        high: Upper bounds.
    """

    unit: Unit
    paper: str | None = None
    seeds: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return statistics.fmean(self.seeds)

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds; None for a single seed."""
        return statistics.stdev(self.seeds) if len(self.seeds) > 1 else None

    def __str__(self) -> str:
        """Mean and spread, with the unit."""
        return format_number(self.unit, self.mean, self.spread)


class Curve(_Record):
    """Accuracy by position on an axis.

    Attributes:
        across: Positions, shape (points,).
        seeds: One row of fractions per seed, shape (seeds, points).
    """

    across: tuple[float, ...]
    seeds: tuple[tuple[float, ...], ...]

    def number_at(self, index: int) -> Number:
        """Return one point of the curve."""
        return Number(unit="percent", seeds=tuple(row[index] for row in self.seeds))

    @property
    def mean(self) -> float:
        """Mean over points and seeds."""
        return statistics.fmean(statistics.fmean(row) for row in self.seeds)


class Verdict(_Record):
    """Whether the claim holds here, and why."""

    judgement: Judgement
    reason: str


class Data(_Record):
    """A dataset: its number of rows and its digest."""

    name: str
    train: int
    validation: int
    test: int
    test_digest: str


class Result(_Record):
    """The measurements on one dataset.

    Attributes:
        data: The dataset.
        teachers: Digests of the teachers, one per seed.
        numbers: By name.
        curves: By name.
        verdict: Computed from the numbers and curves.
        seconds: Of all seeds, without the training of shared teachers.
    """

    data: Data
    teachers: tuple[str, ...]
    numbers: Mapping[str, Number]
    curves: Mapping[str, Curve]
    verdict: Verdict
    seconds: float


class Claim(_Record):
    """A claim, its measurements, and how to repeat them.

    Attributes:
        paper: The paper's claim.
        results: One per dataset.
        seeds: The seeds.
        command: The command line, without directories of this machine.
        conditions: Processor, threads, versions.
    """

    paper: Paper
    results: tuple[Result, ...]
    seeds: tuple[int, ...]
    command: str
    conditions: Mapping[str, str]


def combine_parts(parts: Sequence[bool], reason: str) -> Verdict:
    """Combine the parts of a claim into a verdict.

    Args:
        parts: Whether each part holds.
        reason: The numbers behind the verdict.

    Returns:
        Holds if every part does, partly if at least one does.
    """
    judgement: Judgement = "holds partly" if any(parts) else "does not hold"
    return Verdict(judgement="holds" if all(parts) else judgement, reason=reason)


def format_number(unit: Unit, mean: float, spread: float | None) -> str:
    """Format a number with its unit.

    Args:
        unit: Unit of mean and spread.
        mean: Mean over the seeds.
        spread: Standard deviation, or None.

    Returns:
        Text such as `96.1 ± 0.4 %`.
    """
    deviation = "" if spread is None else f" ± {_format_value(unit, spread)}"
    if unit == "points":
        return f"{signed_points(mean)}{deviation} points"
    sign = MINUS if mean < 0 else ""
    suffix = {"percent": " %", "times": "x", "milliseconds": " ms", "count": ""}[unit]
    return f"{sign}{_format_value(unit, abs(mean))}{deviation}{suffix}"


def format_points(difference: float) -> str:
    """Format a difference of fractions in points."""
    return format_number("points", difference, None)


def write_record(claim: Claim, docs: Path) -> Path:
    """Write a record under its claim's name.

    Args:
        claim: The record.
        docs: The folder of the documentation.

    Returns:
        The file, `papers/<name>.json` in this folder.
    """
    target = docs / "papers" / f"{claim.paper.name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomic(target, claim.model_dump_json(indent=1) + "\n")
    return target


def read_records(docs: Path) -> list[Claim]:
    """Read all records.

    Args:
        docs: The folder of the documentation.

    Returns:
        Records, sorted by name.
    """
    files = sorted((docs / "papers").glob("*.json"))
    return [Claim.model_validate_json(file.read_bytes()) for file in files]


def _format_value(unit: Unit, value: float) -> str:
    if unit in ("percent", "points"):
        return percent(value)
    return f"{value:.2f}" if unit == "times" else short(value)
