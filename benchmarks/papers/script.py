"""What all claims have in common: measure seed by seed, judge, write, draw, print."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from cyclopts import App, CycloptsError

import figure
import table
from claim import Claim, Curve, Data, Number, Paper, Result, Verdict, write
from coldpress import cpu
from coldpress.data.benchmark import BenchmarkSection
from coldpress.errors import InputError
from coldpress.evaluation.scorecard.scorecard import Interval
from measurement import Measured
from options import Options
from tasks.environment import home

if TYPE_CHECKING:
    from outcomes import Outcome
    from trials import Trial

Numbers = Mapping[str, Number]
Curves = Mapping[str, Curve]


@dataclass(frozen=True)
class Script:
    """A claim that can be measured.

    Attributes:
        paper: The claim.
        measure: What one seed of one dataset comes to.
        judge: From what all seeds came to, to the verdict.
        timed: Whether it measures times: these are measured anew in each run.
    """

    paper: Paper
    measure: Callable[[Trial], Measured]
    judge: Callable[[Numbers, Curves], Verdict]
    timed: bool = False


def main(script: Script) -> None:
    """Do what the command line says: exit code 2 and one line where that is wrong."""
    home.set_defaults()
    app = App(
        name=script.paper.name, help=script.paper.claim, exit_on_error=False, print_error=False
    )

    @app.default
    def command(options: Options = Options()) -> None:  # noqa: B008
        """Measure the claim."""
        print(table.in_words(run(script, options)))

    try:
        app()
    except (InputError, CycloptsError) as error:
        print(f"{script.paper.name}: {error}", file=sys.stderr)
        sys.exit(2)


def run(script: Script, options: Options) -> Claim:
    """Measure a claim on every dataset, and write record, figure and table.

    Args:
        script: The claim.
        options: Data, large model, seeds, and where to write.

    Returns:
        The record.

    Raises:
        InputError: Data or large model cannot be had.
    """
    sections, results = options.benchmarks(), list[Result]()
    for name, section in sections.items():
        results.append(_result(script, options, name, section))
        if len(results) == 1 and len(sections) > 1:
            _tell(f"the other data sets: about {_estimate(results[0], sections) / 60:.0f} min")
    claim = Claim(
        paper=script.paper,
        results=tuple(results),
        seeds=options.tried,
        command=options.command(script.paper.name),
        conditions=_conditions(),
    )
    write(claim, options.written_to)
    figure.draw(claim, options.written_to)
    table.write(options.written_to)
    _tell(f"written to {options.written_to}")
    return claim


def _result(script: Script, options: Options, name: str, section: BenchmarkSection) -> Result:
    started, tried = time.perf_counter(), list["tuple[Trial, Outcome]"]()
    for seed in options.tried:
        tried.append(_try(script, options, name, section, seed))
        _tell(f"{name}, seed {seed}: {time.perf_counter() - started:.0f} s")
    found = [outcome.measured for _, outcome in tried]
    numbers, curves = _numbers(found), _curves(found)
    return Result(
        data=_rows(tried[0][0]),
        teachers=tuple(trial.checkpoint.digest[:12] for trial, _ in tried),
        numbers=numbers,
        curves=curves,
        verdict=script.judge(numbers, curves),
        seconds=round(sum(outcome.seconds for _, outcome in tried), 1),
    )


def _try(
    script: Script, options: Options, name: str, section: BenchmarkSection, seed: int
) -> tuple[Trial, Outcome]:
    import outcomes
    import trials

    teacher = options.large_model()
    trial = trials.prepare(name, section, seed, teacher, options.cache, options.quick)
    if script.timed:
        return trial, outcomes.fresh(trial, script.measure)
    return trial, outcomes.kept(script.paper.name, trial, script.measure)


def _rows(trial: Trial) -> Data:
    splits = {"train": trial.data.train, "validation": trial.data.validation}
    counts = {split: len(rows) for split, rows in {**splits, "test": trial.data.test}.items()}
    return Data(name=trial.name, test_digest=trial.data.test_digest[:12], **counts)


def _numbers(found: Sequence[Measured]) -> dict[str, Number]:
    """Put the seeds side by side, name by name."""
    named = {}
    for name, first in found[0].numbers.items():
        values = [one.numbers[name].value for one in found]
        intervals = [value for value in values if isinstance(value, Interval)]
        named[name] = Number(
            unit=first.unit,
            paper=first.paper,
            seeds=tuple(v.estimate if isinstance(v, Interval) else float(v) for v in values),
            low=tuple(interval.low for interval in intervals),
            high=tuple(interval.high for interval in intervals),
        )
    return named


def _curves(found: Sequence[Measured]) -> dict[str, Curve]:
    return {
        name: Curve(
            across=tuple(first),
            seeds=tuple(tuple(one.curves[name].values()) for one in found),
        )
        for name, first in found[0].curves.items()
    }


def _estimate(first: Result, sections: Mapping[str, BenchmarkSection]) -> float:
    """Return seconds for the other datasets: time goes with the characters that are read."""
    from coldpress.data import benchmark

    characters = [
        sum(map(len, (*data.train.texts, *data.test.texts)))
        for data in (benchmark.load_benchmark(section, 0) for section in sections.values())
    ]
    return first.seconds * sum(characters[1:]) / characters[0]


def _conditions() -> dict[str, str]:
    import torch

    return {
        "processor": cpu.kernel_environment()["processor"],
        "threads": str(torch.get_num_threads()),
        **{name: version(name) for name in ("coldpress", "torch", "transformers", "onnxruntime")},
    }


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
