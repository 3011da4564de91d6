"""Error rates of the gate: healthy models that it refuses, damaged models that it passes.

    python benchmarks/gate.py [--models 2000]
    python benchmarks/gate.py --evaluation DIR

Without --evaluation: simulated models on the class sizes of TREC and Banking77, first without any
loss, then with a loss in one class. With the checkpoint of an evaluation (the folder `evaluate` in
the artifacts of its MLflow run): its real predictions, with each class damaged in turn by zeroing
its row of the head, weights and bias, so that its logit is 0 for every text.
"""

from __future__ import annotations

import argparse
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
from coldpress.gate import Gate, groups
from coldpress.gate.checks import run_checks
from coldpress.gate.verdict import Verdict

Correct = NDArray[np.bool_]

TREC = (9, 138, 94, 65, 81, 113)
BANKING77 = (40,) * 77
GATE = Gate(max_drop=0.03, max_class_drop=0.1)
PLAIN = 0.02
"""The accuracy drop that a plain check of accuracy would allow."""
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
    """The rows that teacher and model predict correctly, each of shape (rows,)."""

    teacher: Correct
    model: Correct


def main() -> None:
    """Print one of the two tables."""
    options = _options()
    if options.evaluation:
        _damage_classes(options.evaluation)
        return
    random = np.random.default_rng(SEED)
    print(f"{GATE.model_dump(exclude_none=True)}, {options.models} models a line, seed {SEED}")
    for rows in (_rows("TREC", 0.96, TREC), _rows("Banking77", 0.92, BANKING77)):
        for flips in (0.01, 0.02, 0.03, 0.04):
            _simulate_healthy(rows, flips, options.models, random)
        for loss in (0.5, 1.0):
            _simulate_damaged(rows, loss, options.models // 10, random)


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
    """Draw a teacher, and a model that loses as many rows as it gains, up to chance."""
    teacher = random.random(len(rows.labels)) < rows.accuracy
    chance = np.where(teacher, flips / rows.accuracy, flips / (1 - rows.accuracy))
    return Pair(teacher, teacher ^ (random.random(len(teacher)) < chance))


def _simulate_healthy(rows: Rows, flips: float, models: int, random: np.random.Generator) -> None:
    """Count models without loss that pass, and those that the bound alone would refuse."""
    passed = dict.fromkeys((*CHECKS, "both"), 0)
    beyond = 0
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
        f"max_drop that 95 of 100 pass {_required_drop(rows, flips, random):.3f}",
        flush=True,
    )


def _required_drop(rows: Rows, flips: float, random: np.random.Generator) -> float:
    """Return the smallest max_drop with which 95 of 100 models without loss pass."""
    pairs = [_pair(rows, flips, random) for _ in range(1000)]
    lows = [paired.paired_interval(p.model, p.teacher, rows.labels).low for p in pairs]
    return float(-np.quantile(lows, 0.05, method="lower"))


def _simulate_damaged(rows: Rows, loss: float, models: int, random: np.random.Generator) -> None:
    """Count refused models that lose a share of one class, with 2 % of flips each way."""
    class_of_size = {len(group.rows): label for label, group in enumerate(rows.groups)}
    for size, label in sorted(class_of_size.items()):
        refusals = 0
        for _ in range(models):
            pair = _pair(rows, 0.02, random)
            lost_rows = (rows.labels == label) & (random.random(len(rows.labels)) < loss)
            damaged = replace(pair, model=pair.model & ~lost_rows)
            checks = _judge(_evaluation(damaged, rows.labels, rows.groups)).checks
            refusals += any(c.name == "max_class_drop" and not c.passed for c in checks)
        print(
            f"{rows.name}, one class of {size} rows loses {loss:.0%}: "
            f"max_class_drop refuses {_rate(refusals, models)}",
            flush=True,
        )


def _rate(count: int, models: int) -> str:
    interval = paired.accuracy_interval(count, models)
    return f"{interval.estimate:.1%} ({interval.low:.1%} to {interval.high:.1%})"


def _damage_classes(directory: Path) -> None:
    """Damage the final model of a real evaluation, one class after another."""
    results = predictions.read_predictions(directory)
    slices = [Slice(group.kind, group.name, group.items) for group in equity.target_groups(results)]
    teacher = results.sample_scores(results.teacher) == 1
    final = results.sample_scores(results.final) == 1
    healthy = _judge(_evaluation(Pair(teacher, final), results.targets, slices))
    print(f"undamaged: {_describe(healthy)}")
    unnoticed = refusals = 0
    for label, name in enumerate(results.names):
        pair = Pair(teacher, _without_class(results, label))
        drop = float(teacher.mean() - pair.model.mean())
        verdict = _judge(_evaluation(pair, results.targets, slices))
        detected = not next(c.passed for c in verdict.checks if c.name == "max_class_drop")
        unnoticed += drop <= PLAIN
        refusals += drop <= PLAIN and detected
        print(f"{name}: accuracy {-100 * drop:+.2f} points; {_describe(verdict)}")
    print(
        f"of {len(results.names)} damaged models, {unnoticed} pass a plain check of "
        f"{PLAIN:.0%} and {refusals} of these are refused by the class check"
    )


def _without_class(results: predictions.Predictions, label: int) -> Correct:
    logits = results.outputs[results.final].copy()
    logits[:, label] = 0
    correct: Correct = logits.argmax(axis=1) == results.targets
    return correct


def _evaluation(pair: Pair, labels: NDArray[np.int64], slices: Sequence[Slice]) -> Evaluation:
    """Return an evaluation with only the fields that the two checks of accuracy read."""
    return Evaluation(
        n=len(labels),
        overlap=0,
        models={},
        comparisons=(_compare(pair, labels),),
        equity=equity.compare_groups([_paired_group(group, pair, labels) for group in slices]),
    )


def _paired_group(group: Slice, pair: Pair, labels: NDArray[np.int64]) -> equity.PairedGroup:
    rows = list(group.rows)
    return equity.PairedGroup(
        kind=group.kind,
        name=group.name,
        items=group.rows,
        model=pair.model[rows].astype(np.float64),
        baseline=pair.teacher[rows].astype(np.float64),
        strata=labels[rows],
    )


def _compare(pair: Pair, labels: NDArray[np.int64]) -> Comparison:
    return paired.compare_models(("onnx", "teacher"), pair.model, pair.teacher, labels)


def _judge(evaluation: Evaluation) -> Verdict:
    return run_checks(GATE, evaluation, {"parity_max_logit_difference": 0.0, "parity_bound": 1.0})


def _describe(verdict: Verdict) -> str:
    return " ".join(
        f"{check.name} {'passes' if check.passed else 'REFUSES'}: {check.sentence}"
        for check in verdict.checks
        if check.name in CHECKS
    )


if __name__ == "__main__":
    main()
