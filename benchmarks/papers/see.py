"""Magnitude pruning with three schemes: accuracy by sparsity.

python benchmarks/papers/see.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, combine_parts, format_number
from measurement import ONE_POINT, Measurement, TrialResult, last_within_a_point
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.sparsity import Scheme
    from trials import Trial

BARE = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
RETRAINED: Mapping[Scheme, tuple[float, ...]] = {
    "class-blind": (0.6, 0.8, 0.9),
    "class-uniform": (0.8,),
    "class-distribution": (0.8,),
}
BLIND = "class-blind"
AGAIN = "class-blind, retrained"
CLAIMED = {BLIND: 0.4, AGAIN: 0.8}

PAPER = Paper(
    name="see",
    title="Most weights are redundant",
    source="See, Luong & Manning 2016, Compression of Neural Machine Translation Models via "
    "Pruning, section 4; after Han, Pool, Tran & Dally 2015",
    claim="Magnitude pruning costs almost nothing up to 40 % sparsity without retraining, and "
    "up to 80 % with retraining; comparing all weights alike (class-blind) is the best of "
    "three schemes.",
    figure="40 % without, 80 % with retraining",
    across="weights zeroed",
    setting="The weights are those of the encoder's linear modules; embeddings, biases and all "
    "shapes stay, so nothing becomes faster. Retraining is one epoch on labels at half "
    "the learning rate of fine-tuning, with zeros held. The largest sparsity whose loss "
    "is under one point is chosen on validation rows.",
)


def measure(trial: Trial) -> TrialResult:
    """Zero more and more weights by each scheme, with and without retraining.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracy by sparsity, and the sparsity selected on validation rows.
    """
    tested = dict[str, dict[float, float]]()
    validated = dict[str, dict[float, float]]()
    whole = trial.accuracy(trial.teacher, trial.test)
    validation_accuracy = trial.accuracy(trial.teacher, trial.validation)
    for name, models in _curves(trial):
        tested[name] = {0.0: whole}
        validated[name] = {0.0: validation_accuracy}
        for share, model in models:
            tested[name][share] = trial.accuracy(model, trial.test)
            validated[name][share] = trial.accuracy(model, trial.validation)
    numbers = {"whole model": Measurement("percent", whole)}
    for name, share in CLAIMED.items():
        largest = last_within_a_point(validated[name])
        numbers[sparsity_name(name)] = Measurement("percent", largest, f"{100 * share:.0f} %")
        numbers[change_name(name, share)] = Measurement(
            "points", tested[name][share] - whole, "about 0"
        )
    return TrialResult(numbers, tested)


def judge(numbers: Numbers, curves: Curves) -> Verdict:
    """Check the loss at the paper's two sparsities.

    Args:
        numbers: Of all seeds, by the names of `measure`.
        curves: Of all seeds.

    Returns:
        Holds if both cost under a point, partly if one does.
    """
    bare = numbers[change_name(BLIND, 0.4)]
    retrained = numbers[change_name(AGAIN, 0.8)]
    means = [
        f"{scheme} {format_number('percent', curves[scheme].mean, None)}" for scheme in RETRAINED
    ]
    reason = (
        f"{bare} at 40 % without retraining, {retrained} at 80 % with it; under one point on"
        f" validation up to {numbers[sparsity_name(BLIND)]} without and"
        f" {numbers[sparsity_name(AGAIN)]} with it. The schemes without retraining, mean"
        f" of all sparsities: {', '.join(means)}."
    )
    return combine_parts([loss.mean > -ONE_POINT for loss in (bare, retrained)], reason)


def sparsity_name(curve: str) -> str:
    """Return the name of the largest sparsity at which a curve loses under a point."""
    return f"sparsity with under one point lost on validation, {curve}"


def change_name(curve: str, share: float) -> str:
    """Return the name of the accuracy at a sparsity."""
    return f"test accuracy at {100 * share:.0f} %, {curve}, against the whole model"


def _curves(trial: Trial) -> Iterator[tuple[str, Iterator[tuple[float, Classifier]]]]:
    """Yield the models of each curve, one at a time."""
    for scheme, shares in RETRAINED.items():
        yield scheme, ((share, _zeroed(trial, share, scheme)) for share in trial.subset(BARE))
        retrained = ((share, _retrained(trial, share, scheme)) for share in shares)
        yield f"{scheme}, retrained", retrained


def _zeroed(trial: Trial, share: float, scheme: Scheme) -> Classifier:
    from coldpress.pruning.sparsity import SparsityTarget, zero_smallest

    return zero_smallest(trial.teacher, SparsityTarget(share, scheme))


def _retrained(trial: Trial, share: float, scheme: Scheme) -> Classifier:
    """Retrain for one epoch, as after a step of a recipe's `prune`."""
    from dataclasses import replace

    from coldpress.training.loop import reseed

    reseed(trial.seed, f"{scheme} {share}")
    pruned = _zeroed(trial, share, scheme)
    replace(trial.pruning_context(), keep_zeros=True).retrain(pruned, 1)
    return pruned


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
