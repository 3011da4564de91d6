"""Runs the script of a claim: measure seed by seed, judge, write, draw, print."""

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
from claim import Claim, Curve, Data, Number, Paper, Result, Verdict, write_record
from coldpress import cpu
from coldpress.errors import InputError
from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.kinds import TextClassificationBenchmark
from measurement import TrialResult
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
        measure: Measures one seed of one dataset.
        judge: Turns the numbers and curves of all seeds into a verdict.
        timed: It measures times, which are not cached.
    """

    paper: Paper
    measure: Callable[[Trial], TrialResult]
    judge: Callable[[Numbers, Curves], Verdict]
    timed: bool = False


def main(script: Script) -> None:
    """Run a script from the command line; wrong input is reported in one line, with exit code 2."""
    home.set_defaults()
    app = App(
        name=script.paper.name, help=script.paper.claim, exit_on_error=False, print_error=False
    )

    @app.default
    def command(options: Options = Options()) -> None:  # noqa: B008
        """Measure the claim."""
        print(table.summarize(run(script, options)))

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
        InputError: The dataset or the large model is not available.
    """
    sections = options.benchmarks()
    results: list[Result] = []
    for name, section in sections.items():
        results.append(_result(script, options, name, section))
        if len(results) == 1 and len(sections) > 1:
            _print_progress(
                f"the other datasets: about {_estimate(results[0], sections) / 60:.0f} min"
            )
    claim = Claim(
        paper=script.paper,
        results=tuple(results),
        seeds=options.seed_numbers,
        command=options.command(script.paper.name),
        conditions=conditions(),
    )
    write_record(claim, options.output_dir)
    figure.draw(claim, options.output_dir)
    table.write(options.output_dir)
    _print_progress(f"written to {options.output_dir}")
    return claim


def _result(
    script: Script, options: Options, name: str, section: TextClassificationBenchmark
) -> Result:
    started = time.perf_counter()
    runs: list[tuple[Trial, Outcome]] = []
    for seed in options.seed_numbers:
        runs.append(_run_seed(script, options, name, section, seed))
        _print_progress(f"{name}, seed {seed}: {time.perf_counter() - started:.0f} s")
    trial_results = [outcome.measured for _, outcome in runs]
    numbers = combine_numbers(trial_results)
    curves = combine_curves(trial_results)
    return Result(
        data=_describe_data(runs[0][0]),
        teachers=tuple(trial.checkpoint.digest[:12] for trial, _ in runs),
        numbers=numbers,
        curves=curves,
        verdict=script.judge(numbers, curves),
        seconds=round(sum(outcome.seconds for _, outcome in runs), 1),
    )


def _run_seed(
    script: Script, options: Options, name: str, section: TextClassificationBenchmark, seed: int
) -> tuple[Trial, Outcome]:
    import outcomes
    import trials

    teacher = options.large_model()
    trial = trials.prepare_trial(name, section, seed, teacher, options.cache, options.quick)
    if script.timed:
        return trial, outcomes.run_trial(trial, script.measure)
    return trial, outcomes.run_trial_once(script.paper.name, trial, script.measure)


def _describe_data(trial: Trial) -> Data:
    splits = {"train": trial.data.train, "validation": trial.data.validation}
    counts = {split: len(rows) for split, rows in {**splits, "test": trial.data.test}.items()}
    return Data(name=trial.name, test_digest=trial.data.test_digest[:12], **counts)


def combine_numbers(results: Sequence[TrialResult]) -> dict[str, Number]:
    """Combine the seeds, name by name."""
    numbers = {}
    for name, first in results[0].numbers.items():
        values = [result.numbers[name].value for result in results]
        intervals = [value for value in values if isinstance(value, Interval)]
        numbers[name] = Number(
            unit=first.unit,
            paper=first.paper,
            seeds=tuple(v.estimate if isinstance(v, Interval) else float(v) for v in values),
            low=tuple(interval.low for interval in intervals),
            high=tuple(interval.high for interval in intervals),
        )
    return numbers


def combine_curves(results: Sequence[TrialResult]) -> dict[str, Curve]:
    """Combine the seeds, curve by curve."""
    return {
        name: Curve(
            across=tuple(first),
            seeds=tuple(tuple(result.curves[name].values()) for result in results),
        )
        for name, first in results[0].curves.items()
    }


def _estimate(first: Result, sections: Mapping[str, TextClassificationBenchmark]) -> float:
    """Estimate the seconds of the other datasets, in proportion to their characters."""
    from coldpress.benchmark import loading

    characters = [
        sum(map(len, (*data.train.texts, *data.test.texts)))
        for data in (loading.load_benchmark(section, 0) for section in sections.values())
    ]
    return first.seconds * sum(characters[1:]) / characters[0]


def conditions() -> dict[str, str]:
    """Return processor, threads and versions."""
    import torch

    return {
        "processor": cpu.kernel_environment()["processor"],
        "threads": str(torch.get_num_threads()),
        **{name: version(name) for name in ("coldpress", "torch", "transformers", "onnxruntime")},
    }


def _print_progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
