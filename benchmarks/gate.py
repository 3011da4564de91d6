"""Does the gate refuse healthy models, and does it see the harmed ones?

    python benchmarks/gate.py [--models 2000]
    python benchmarks/gate.py --evaluation DIR

Without an evaluation: simulated models on the class sizes of TREC and Banking77, none of which has
lost anything, and then one class that has. With the checkpoint of an evaluation (the folder
`evaluate` among the artifacts of its MLflow run): its real answers, each class in turn harmed by
zeroing its row of the head, weights and bias, which makes its logit 0 for every text.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldpress.evaluation import predictions
from coldpress.evaluation.scorecard.scorecard import Comparison, Evaluation
from coldpress.evaluation.statistics import paired
from coldpress.evaluation.subgroups import equity
from coldpress.evaluation.subgroups.slices import Slice
from coldpress.gate import Gate, champion, groups
from coldpress.gate.checks import run_checks
from coldpress.gate.verdict import Verdict

Right = NDArray[np.bool_]

TREC = (9, 138, 94, 65, 81, 113)
BANKING77 = (40,) * 77
GATE = Gate(max_drop=0.03, max_class_drop=0.1)
PLAIN = 0.02
"""What a check of accuracy alone would allow."""
CHECKS = ("max_drop", "max_class_drop")
SEED = 0


@dataclass(frozen=True)
class Rows:
    """A test split without its texts."""

    name: str
    accuracy: float
    labels: NDArray[np.int64]
    groups: tuple[Slice, ...]


@dataclass(frozen=True)
class Pair:
    """The rows that the teacher and that the model answers rightly, each of shape (rows,)."""

    teacher: Right
    model: Right


def main() -> None:
    """Print one of the two tables."""
    options = _options()
    # statsmodels collects garbage at each correction: let there be little to look through.
    gc.freeze()
    if options.evaluation:
        _harm(options.evaluation)
        return
    random = np.random.default_rng(SEED)
    print(f"{GATE.model_dump(exclude_none=True)}, {options.models} models a line, seed {SEED}")
    for rows in (_rows("TREC", 0.96, TREC), _rows("Banking77", 0.92, BANKING77)):
        for flips in (0.01, 0.02, 0.03, 0.04):
            _healthy(rows, flips, options.models, random)
        for lost in (0.5, 1.0):
            _harmed(rows, lost, options.models // 10, random)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--models", type=int, default=2000)
    parser.add_argument("--evaluation", type=Path)
    return parser.parse_args()


def _rows(name: str, accuracy: float, sizes: Sequence[int]) -> Rows:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    members = (tuple(np.flatnonzero(labels == label).tolist()) for label in range(len(sizes)))
    slices = tuple(Slice("class", f"label {n}", rows) for n, rows in enumerate(members))
    return Rows(name, accuracy, labels, slices)


def _pair(rows: Rows, flips: float, random: np.random.Generator) -> Pair:
    """Draw a teacher, and a model that loses as many of its rows as it wins, but for chance."""
    teacher = random.random(len(rows.labels)) < rows.accuracy
    chance = np.where(teacher, flips / rows.accuracy, flips / (1 - rows.accuracy))
    return Pair(teacher, teacher ^ (random.random(len(teacher)) < chance))


def _healthy(rows: Rows, flips: float, models: int, random: np.random.Generator) -> None:
    """Count the models without loss that pass, and those that the bound alone would refuse."""
    passed, beyond = dict.fromkeys((*CHECKS, "both"), 0), 0
    for _ in range(models):
        evaluation = _evaluation(_pair(rows, flips, random), rows.labels, rows.groups)
        verdict = _judge(evaluation)
        for check in verdict.checks:
            if check.name in CHECKS:
                passed[check.name] += check.passed
        passed["both"] += verdict.passed
        beyond += max(map(groups.accuracy_drop, evaluation.equity)) > (GATE.max_class_drop or 0)
    rates = ", ".join(f"{name} {_rate(n, models)}" for name, n in passed.items())
    print(
        f"{rows.name}, n = {len(rows.labels)}, no loss, {flips:.0%} of rows flip each way: passes "
        f"{rates}; some class beyond the bound by chance {_rate(beyond, models)}; smallest "
        f"max_drop that 95 of 100 pass {_needed(rows, flips, random):.3f}",
        flush=True,
    )


def _needed(rows: Rows, flips: float, random: np.random.Generator) -> float:
    """The loss that the interval cannot rule out, of the model in the 95th place of 100."""
    pairs = [_pair(rows, flips, random) for _ in range(1000)]
    lows = [paired.paired_interval(p.model, p.teacher, rows.labels).low for p in pairs]
    return float(-np.quantile(lows, 0.05, method="lower"))


def _harmed(rows: Rows, lost: float, models: int, random: np.random.Generator) -> None:
    """Let one class lose a share of what the teacher knows of it, over 2 % of flips each way."""
    class_of_size = {len(group.rows): label for label, group in enumerate(rows.groups)}
    for size, label in sorted(class_of_size.items()):
        refused = 0
        for _ in range(models):
            pair = _pair(rows, 0.02, random)
            gone = (rows.labels == label) & (random.random(len(rows.labels)) < lost)
            harmed = replace(pair, model=pair.model & ~gone)
            checks = _judge(_evaluation(harmed, rows.labels, rows.groups)).checks
            refused += any(c.name == "max_class_drop" and not c.passed for c in checks)
        print(
            f"{rows.name}, one class of {size} rows loses {lost:.0%}: "
            f"max_class_drop refuses {_rate(refused, models)}",
            flush=True,
        )


def _rate(count: int, models: int) -> str:
    found = paired.accuracy_interval(count, models)
    return f"{found.estimate:.1%} ({found.low:.1%} to {found.high:.1%})"


def _harm(directory: Path) -> None:
    """Harm the final model of a real evaluation, one class after the other."""
    given = predictions.read_predictions(directory)
    slices, teacher = equity.class_slices(given), given.correct(given.teacher)
    healthy = _judge(_evaluation(Pair(teacher, given.correct(given.final)), given.labels, slices))
    print(f"as it is: {_said(healthy)}")
    unseen = refused = 0
    for label, name in enumerate(given.label_names):
        pair = Pair(teacher, _without(given, label))
        drop = float(teacher.mean() - pair.model.mean())
        verdict = _judge(_evaluation(pair, given.labels, slices))
        seen = not next(c.passed for c in verdict.checks if c.name == "max_class_drop")
        unseen, refused = unseen + (drop <= PLAIN), refused + (drop <= PLAIN and seen)
        print(f"{name}: accuracy {-100 * drop:+.2f} points; {_said(verdict)}")
    print(
        f"of {len(given.label_names)} harmed models, {unseen} pass a plain check of {PLAIN:.0%} "
        f"and {refused} of these are refused by the class check"
    )


def _without(given: predictions.Predictions, label: int) -> Right:
    logits = given.logits[given.final].copy()
    logits[:, label] = 0
    right: Right = logits.argmax(axis=1) == given.labels
    return right


def _evaluation(pair: Pair, labels: NDArray[np.int64], slices: Sequence[Slice]) -> Evaluation:
    """Only what the two checks of accuracy look at."""
    return Evaluation(
        n=len(labels),
        overlap=0,
        models={},
        comparisons=(_compared(pair, labels),),
        equity=equity.compare_groups(slices, pair.model, pair.teacher, labels),
    )


def _compared(pair: Pair, labels: NDArray[np.int64]) -> Comparison:
    found = champion.compare_with_champion("teacher", pair.model, pair.teacher, labels).comparison
    if found is None:
        raise RuntimeError("nothing was compared")
    return found


def _judge(evaluation: Evaluation) -> Verdict:
    return run_checks(GATE, evaluation, {"parity_max_logit_difference": 0.0, "parity_bound": 1.0})


def _said(verdict: Verdict) -> str:
    return " ".join(
        f"{check.name} {'passes' if check.passed else 'REFUSES'}: {check.sentence}"
        for check in verdict.checks
        if check.name in CHECKS
    )


if __name__ == "__main__":
    main()
