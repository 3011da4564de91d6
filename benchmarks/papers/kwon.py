"""Is retraining needed? Masks for a budget of operations, and for one of measured time.

python benchmarks/papers/kwon.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import script
from claim import Paper, Verdict, judged, said
from coldpress.pruning.fisher.method import Fisher
from measurement import ONE_POINT, Measured, Measurement
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from coldpress.model.checkpoint import Checkpoint
    from coldpress.model.classifier import Classifier
    from trials import Trial

SHARES = (0.75, 0.6, 0.5)
HALF = min(SHARES)
FAST = 1.56
MINUTES = 180.0
OPERATIONS, TIME = "a budget of multiply-accumulates", "a budget of time"

PAPER = Paper(
    name="kwon",
    title="Masks need no retraining",
    source="Kwon, Kim, Mahoney, Hassoun, Keutzer & Gholami 2022, A Fast Post-Training Pruning "
    "Framework for Transformers, abstract",
    claim="Without retraining half of the operations can go in under three minutes; the model is "
    "up to 1.56 times as fast and loses less than a point.",
    figure="half of the operations, 1.56x as fast, under a point, 3 minutes on a GPU",
    across="asked to stay",
    setting="`fisher` on 1024 training rows, its masks searched, rearranged and tuned, and nothing "
    "trained: once with a share of the multiply-accumulates (`keep_macs`), once with that share of "
    "the time as it was measured beforehand (`keep_latency`). Seconds are those of the threads "
    "that are named below. Speed is that of fp32 in ONNX Runtime, timed in turns: one text a call, "
    "one thread, no padding, from token ids to logits, median of 300 calls.",
)
WHOLE = "whole model"
SECONDS = "seconds to prune to half of the multiply-accumulates"


class Made(NamedTuple):
    """A model that was pruned.

    Attributes:
        budget: Of what.
        share: Asked to stay.
        classifier: It.
        seconds: That pruning took, the measuring of times included.
    """

    budget: str
    share: float
    classifier: Classifier
    seconds: float


def lost(budget: str) -> str:
    """Name the accuracy that half of a budget costs."""
    return f"test accuracy with half of {budget}, against the whole model"


def faster(budget: str) -> str:
    """Name the speed that half of a budget brings."""
    return f"as fast with half of {budget}"


def left(budget: str, share: float) -> str:
    """Name the time that was left where a share was asked for."""
    return f"time left with {100 * share:.0f} % of {budget}"


def measure(trial: Trial) -> Measured:
    """Prune to shares of both budgets, ask all models and time them side by side.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracy by share, and what half of either budget comes to.
    """
    whole = trial.accuracy(trial.teacher, trial.test)
    made = [_pruned(trial, b, s) for b in (OPERATIONS, TIME) for s in trial.some(SHARES)]
    taken = _times(trial, made)
    numbers, curves = {WHOLE: Measurement("percent", whole)}, dict[str, dict[float, float]]()
    for model in made:
        accuracy = trial.accuracy(model.classifier, trial.test)
        curves.setdefault(model.budget, {})[model.share] = accuracy
        part = taken[left(model.budget, model.share)] / taken[WHOLE]
        numbers[left(model.budget, model.share)] = Measurement("percent", part)
        if model.share == HALF:
            numbers |= _of_half(model, accuracy - whole, 1 / part)
    return Measured(numbers, curves)


def judge(numbers: Numbers, curves: Curves) -> Verdict:
    """Ask for the paper's three figures, and how near each budget comes to the time asked for.

    Args:
        numbers: As `measure` names them, all seeds.
        curves: The same.

    Returns:
        Holds if half of the operations cost no point, bring the speed and take minutes; partly if
        some of it is so.
    """
    cost, speed, seconds = numbers[lost(OPERATIONS)], numbers[faster(OPERATIONS)], numbers[SECONDS]
    apart = {budget: off(numbers, curves, budget) for budget in (OPERATIONS, TIME)}
    told = ", ".join(f"{said('points', d, None)} with {name}" for name, d in apart.items())
    reason = (
        f"Half of the multiply-accumulates cost {cost}, are {speed} as fast and took {seconds}"
        f" seconds to prune; half of the time costs {numbers[lost(TIME)]} and is"
        f" {numbers[faster(TIME)]} as fast. The time left is off the share asked for by {told}."
    )
    return judged([cost.mean > -ONE_POINT, speed.mean >= FAST, seconds.mean < MINUTES], reason)


def off(numbers: Numbers, curves: Curves, budget: str) -> float:
    """Return how far the time left is from the share asked for, a mean over shares and seeds.

    Args:
        numbers: As `measure` names them.
        curves: The same; they say which shares.
        budget: Of what.
    """
    return statistics.fmean(
        abs(value - share)
        for share in curves[budget].across
        for value in numbers[left(budget, share)].seeds
    )


def _pruned(trial: Trial, budget: str, share: float) -> Made:
    """Prune without looking anything up: how long it takes is measured."""
    from dataclasses import replace

    from coldpress.onnx import layer_latency
    from coldpress.pruning.pipeline import run_steps
    from coldpress.training import loop

    fields = {"keep_macs": share} if budget == OPERATIONS else {"keep_latency": share}
    step = Fisher.model_validate({"method": "fisher", **fields})
    loop.reseed(trial.seed, repr(step))
    rows, started = (
        replace(trial.recovery(), time_layers=layer_latency.measure_layer_latency),
        time.perf_counter(),
    )
    classifier = run_steps([step], trial.teacher, rows).classifier
    return Made(budget, share, classifier, time.perf_counter() - started)


def _times(trial: Trial, made: list[Made]) -> dict[str, float]:
    from in_onnx import median_milliseconds

    with ExitStack() as stack:
        models = {WHOLE: trial.checkpoint}
        for model in made:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            models[left(model.budget, model.share)] = _written(model.classifier, folder / "model")
        return median_milliseconds(models, trial.test)


def _written(classifier: Classifier, target: Path) -> Checkpoint:
    from coldpress.model import serialization
    from coldpress.model.checkpoint import Checkpoint, Manifest

    serialization.write_checkpoint(classifier, target, Manifest(stage="prune"))
    return Checkpoint.open(target)


def _of_half(model: Made, change: float, speed: float) -> dict[str, Measurement]:
    mine = model.budget == OPERATIONS
    named = {
        lost(model.budget): Measurement("points", change, "under 1 point lost" if mine else None),
        faster(model.budget): Measurement("times", speed, f"up to {FAST}x" if mine else None),
    }
    return {**named, SECONDS: Measurement("count", model.seconds, "under 180")} if mine else named


SCRIPT = Script(PAPER, measure, judge, timed=True)

if __name__ == "__main__":
    script.main(SCRIPT)
