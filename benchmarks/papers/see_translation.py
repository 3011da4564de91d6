"""Magnitude pruning of a translation model, the experiment of See et al.: BLEU by sparsity.

python benchmarks/papers/see_translation.py --data multi30k=TRAIN,VALIDATION,TEST
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number

import figure
import script
import table
from claim import Claim, Curve, Data, Paper, Result, Verdict, combine_parts, write_record
from coldpress.errors import InputError
from measurement import ONE_POINT, Measurement, TrialResult, last_within_a_point

if TYPE_CHECKING:
    from coldpress.pruning.sparsity import Scheme
    from translation import Translator
    from translation_data import Corpus
    from translation_experiment import Experiment

BARE = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
OTHER_SCHEMES = (0.2, 0.4, 0.6)
RETRAINED = (0.6, 0.8, 0.9)
BLIND = "class-blind"
AGAIN = "class-blind, retrained"
CLAIMED = {BLIND: 0.4, AGAIN: 0.8}

PAPER = Paper(
    name="see_translation",
    title="Most weights of a translation model are redundant",
    source="See, Luong & Manning 2016, Compression of Neural Machine Translation Models via "
    "Pruning, section 4",
    claim="A translation model can lose 40 % of its weights by magnitude with little loss of BLEU, "
    "and 80 % if it is retrained; comparing all weights alike (class-blind) is the best of three "
    "schemes.",
    figure="40 % without, 80 % with retraining",
    across="weights zeroed",
    setting="A transformer with 2 + 2 layers, 192 wide, in place of the paper's LSTM with 4 "
    "layers of 1000; 6 epochs on the training pairs, greedy decoding, BLEU of sacrebleu on the "
    "raw text. All weight matrices are pruned, the embedding table too, biases are not. "
    "Retraining is one epoch at half the learning rate, zeros held. The largest sparsity whose "
    "loss is under one point of BLEU is chosen on validation rows.",
    score="BLEU",
)


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """Command line.

    Attributes:
        data: NAME=TRAIN,VALIDATION,TEST: files with a column for each language.
        languages: Columns of the sentence and of its translation.
        docs: Directory for the record, the figure and the table; with `--quick` a directory under
            `.coldpress/papers`.
        seeds: Number of seeds: 3 by default, and 1 with `--quick`.
        quick: Check in seconds that the script works, on generated sentences.
    """

    data: str | None = None
    languages: tuple[str, str] = ("en", "de")
    docs: Path | None = None
    seeds: Annotated[int | None, Parameter(validator=Number(gte=1))] = None
    quick: Annotated[bool, Parameter(negative=())] = False

    def corpus(self) -> Corpus:
        """Read the dataset.

        Raises:
            InputError: `--data` is missing or wrong, or given with `--quick`.
        """
        from translation_data import generate_corpus, read_corpus

        if self.quick and self.data:
            raise InputError("--quick: cannot be combined with --data")
        if self.quick:
            return generate_corpus()
        name, _, names = (self.data or "").partition("=")
        files = [Path(file) for file in names.split(",")]
        if not name or len(files) != 3:
            raise InputError(f"--data: {self.data!r} is not NAME=TRAIN,VALIDATION,TEST")
        return read_corpus(name, files, self.languages)

    @property
    def output_dir(self) -> Path:
        """The directory for the record, the figure and the table."""
        return self.docs or Path(".coldpress/papers/quick" if self.quick else "docs")

    @property
    def command(self) -> str:
        """The command line that repeats this run, without directories of this machine."""
        words = ["python benchmarks/papers/see_translation.py"]
        if self.quick:
            return " ".join([*words, "--quick"])
        name, _, files = (self.data or "").partition("=")
        files = ",".join(f"{name.upper()}/{Path(file).name}" for file in files.split(","))
        return " ".join([*words, f"--data {name}={files}"])


def measure(experiment: Experiment) -> TrialResult:
    """Zero more and more weights by each scheme, with and without retraining.

    Args:
        experiment: One seed.

    Returns:
        Test BLEU by sparsity, and the sparsity selected on validation rows.
    """
    tested: dict[str, dict[float, float]] = {}
    validated: dict[str, dict[float, float]] = {}
    whole = experiment.bleu(experiment.model, experiment.test)
    whole_validation = experiment.bleu(experiment.model, experiment.validation)
    for name, models in _curves(experiment):
        tested[name] = {0.0: whole}
        validated[name] = {0.0: whole_validation}
        for share, model in models:
            tested[name][share] = experiment.bleu(model, experiment.test)
            if name in CLAIMED:
                validated[name][share] = experiment.bleu(model, experiment.validation)
    numbers = {"BLEU of the whole model": Measurement("percent", whole)}
    for name, share in CLAIMED.items():
        largest = last_within_a_point(validated[name])
        numbers[sparsity_name(name)] = Measurement("percent", largest, f"{100 * share:.0f} %")
        loss = tested[name][share] - whole
        numbers[change_name(name, share)] = Measurement("points", loss, "about 0")
    return TrialResult(numbers, tested)


def judge(numbers: script.Numbers, curves: Mapping[str, Curve]) -> Verdict:
    """Check the loss at the paper's two sparsities.

    Args:
        numbers: Of all seeds, by the names of `measure`.
        curves: Of all seeds.

    Returns:
        Holds if both cost under a point of BLEU, partly if one does.
    """
    losses = [numbers[change_name(name, share)] for name, share in CLAIMED.items()]
    schemes = ", ".join(
        f"{name} {curve.number_at(curve.across.index(0.4))}"
        for name, curve in curves.items()
        if 0.4 in curve.across
    )
    reason = (
        f"{losses[0]} of BLEU at 40 % without retraining, {losses[1]} at 80 % with it; under one"
        f" point on validation up to {numbers[sparsity_name(BLIND)]} without and"
        f" {numbers[sparsity_name(AGAIN)]} with it. BLEU at 40 % without retraining: {schemes}."
    )
    return combine_parts([loss.mean > -ONE_POINT for loss in losses], reason)


def sparsity_name(curve: str) -> str:
    """Return the name of the largest sparsity at which a curve loses under a point."""
    return f"sparsity with under one point of BLEU lost on validation, {curve}"


def change_name(curve: str, share: float) -> str:
    """Return the name of the BLEU at a sparsity."""
    return f"test BLEU at {100 * share:.0f} %, {curve}, against the whole model"


def run(options: Options) -> Claim:
    """Measure the claim, and write record, figure and table.

    Args:
        options: The command line.

    Raises:
        InputError: The dataset is not available.
    """
    import translation_experiment

    corpus = options.corpus()
    seeds = tuple(range(options.seeds or (1 if options.quick else 3)))
    started = time.perf_counter()
    results = []
    for seed in seeds:
        results.append(measure(translation_experiment.prepare(corpus, seed, options.quick)))
        print(f"seed {seed}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    numbers, curves = script.combine_numbers(results), script.combine_curves(results)
    counts = {name: len(getattr(corpus, name)) for name in ("train", "validation", "test")}
    result = Result(
        data=Data(name=corpus.name, test_digest=corpus.test_digest[:12], **counts),
        teachers=(),
        numbers=numbers,
        curves=curves,
        verdict=judge(numbers, curves),
        seconds=round(time.perf_counter() - started, 1),
    )
    claim = Claim(
        paper=PAPER,
        results=(result,),
        seeds=seeds,
        command=options.command,
        conditions=script.conditions(),
    )
    write_record(claim, options.output_dir)
    figure.draw(claim, options.output_dir)
    table.write(options.output_dir)
    return claim


def main() -> None:
    """Run from the command line; wrong input is reported in one line, with exit code 2."""
    app = App(name=PAPER.name, help=PAPER.claim, exit_on_error=False, print_error=False)

    @app.default
    def command(options: Options = Options()) -> None:
        """Measure the claim."""
        print(table.summarize(run(options)))

    try:
        app()
    except (InputError, CycloptsError) as error:
        print(f"{PAPER.name}: {error}", file=sys.stderr)
        sys.exit(2)


def _curves(experiment: Experiment) -> Iterator[tuple[str, Iterator[tuple[float, Translator]]]]:
    """Yield the models of each curve, one at a time."""
    schemes: Mapping[Scheme, tuple[float, ...]] = {
        "class-blind": BARE,
        "class-uniform": OTHER_SCHEMES,
        "class-distribution": OTHER_SCHEMES,
    }
    for scheme, shares in schemes.items():
        yield scheme, ((share, experiment.zeroed(share, scheme)) for share in shares)
    yield AGAIN, ((share, experiment.retrained(share)) for share in RETRAINED)


if __name__ == "__main__":
    main()
