"""From which sparsity on does a model lose accuracy? Its smallest weights zeroed, three schemes.

python benchmarks/papers/see.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, judged, said
from measurement import ONE_POINT, Measured, Measurement, under_a_point
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
    title="Most weights are of no use",
    source="See, Luong & Manning 2016, Compression of Neural Machine Translation Models via "
    "Pruning, section 4; after Han, Pool, Tran & Dally 2015",
    claim="Magnitude pruning costs next to nothing up to 40 % sparsity without retraining, and up "
    "to 80 % with it; comparing all weights alike (class-blind) is the best of three schemes.",
    figure="40 % without, 80 % with retraining",
    across="weights zeroed",
    setting="The weights are those of the encoder's linear modules; embeddings and biases stay, "
    "and so does every shape: nothing becomes faster. Retraining is one epoch on labels at half "
    "the rate of fine-tuning, zeros held. The largest sparsity whose loss is under "
    "one point is chosen on validation rows.",
)


def measure(trial: Trial) -> Measured:
    """Zero more and more weights by each scheme, and retrain some of what is left.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracy by sparsity, and what the validation rows would have chosen.
    """
    tested, chosen = dict[str, dict[float, float]](), dict[str, dict[float, float]]()
    whole = trial.accuracy(trial.teacher, trial.test)
    before = trial.accuracy(trial.teacher, trial.validation)
    for name, models in _curves(trial):
        tested[name], chosen[name] = {0.0: whole}, {0.0: before}
        for share, model in models:
            tested[name][share] = trial.accuracy(model, trial.test)
            chosen[name][share] = trial.accuracy(model, trial.validation)
    numbers = {"whole model": Measurement("percent", whole)}
    for name, share in CLAIMED.items():
        up_to = under_a_point(chosen[name])
        numbers[most(name)] = Measurement("percent", up_to, f"{100 * share:.0f} %")
        numbers[at(name, share)] = Measurement("points", tested[name][share] - whole, "about 0")
    return Measured(numbers, tested)


def judge(numbers: Numbers, curves: Curves) -> Verdict:
    """Ask what is lost at the paper's two sparsities.

    Args:
        numbers: As `measure` names them, all seeds.
        curves: The same.

    Returns:
        Holds if neither costs a point, partly if one does.
    """
    bare, again = numbers[at(BLIND, 0.4)], numbers[at(AGAIN, 0.8)]
    means = [f"{scheme} {said('percent', curves[scheme].mean, None)}" for scheme in RETRAINED]
    reason = (
        f"{bare} at 40 % without retraining, {again} at 80 % with it; under one point on validation"
        f" up to {numbers[most(BLIND)]} without and {numbers[most(AGAIN)]} with it. The schemes"
        f" without retraining, mean of all sparsities: {', '.join(means)}."
    )
    return judged([loss.mean > -ONE_POINT for loss in (bare, again)], reason)


def most(curve: str) -> str:
    """Name the number that says up to where a curve loses less than a point."""
    return f"sparsity with under one point lost on validation, {curve}"


def at(curve: str, share: float) -> str:
    """Name the number that is measured at a sparsity."""
    return f"test accuracy at {100 * share:.0f} %, {curve}, against the whole model"


def _curves(trial: Trial) -> Iterator[tuple[str, Iterator[tuple[float, Classifier]]]]:
    """Make each curve's models, one at a time."""
    for scheme, shares in RETRAINED.items():
        yield scheme, ((share, _zeroed(trial, share, scheme)) for share in trial.some(BARE))
        again = ((share, _retrained(trial, share, scheme)) for share in shares)
        yield f"{scheme}, retrained", again


def _zeroed(trial: Trial, share: float, scheme: Scheme) -> Classifier:
    from coldpress.pruning.sparsity import SparsityTarget, zero_smallest

    return zero_smallest(trial.teacher, SparsityTarget(share, scheme))


def _retrained(trial: Trial, share: float, scheme: Scheme) -> Classifier:
    """Recover as after a step of a recipe's `prune`, for one epoch."""
    from coldpress.pruning.sparsity import hold_zeros
    from coldpress.training.loop import fit, reseed

    reseed(trial.seed, f"{scheme} {share}")
    pruned, recovery = _zeroed(trial, share, scheme), trial.recovery()
    with hold_zeros(pruned):
        fit(pruned, recovery.train, recovery.loss, recovery.plan_for(1), recovery.validation)
    return pruned


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
