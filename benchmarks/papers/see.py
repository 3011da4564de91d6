"""From which sparsity on does a model lose accuracy? Its smallest weights zeroed, three schemes.

python benchmarks/papers/see.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, get_args

import script
from claim import Paper, Verdict
from measurement import ONE_POINT, Measured, Measurement, under_a_point
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from coldpress.model import Classifier
    from coldpress.pruning.sparsity import Scheme
    from trials import Trial

SPARSITIES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
RETRAINED: Mapping[Scheme, tuple[float, ...]] = {
    "class-blind": (0.4, 0.6, 0.8, 0.9, 0.95),
    "class-uniform": (0.8, 0.9),
    "class-distribution": (0.8, 0.9),
}
EPOCHS = 1
BLIND = "class-blind"
AGAIN = "class-blind, retrained"

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
    "the rate of fine-tuning, zeros held: at five sparsities for class-blind, at 80 and 90 % for "
    "the other two. The largest sparsity whose loss is under one point is chosen on "
    "validation rows.",
)


def measure(trial: Trial) -> Measured:
    """Zero more and more weights by each scheme, and retrain some of what is left.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracy by sparsity, and what the validation rows would have chosen.
    """
    from coldpress.pruning.sparsity import Scheme

    tested, chosen = dict[str, dict[float, float]](), dict[str, dict[float, float]]()
    for scheme in get_args(Scheme):
        zeroed = {share: _zeroed(trial, share, scheme) for share in trial.some(SPARSITIES)}
        wanted = trial.some(RETRAINED[scheme])
        again = {0.0: trial.teacher, **{at: _retrained(trial, at, scheme) for at in wanted}}
        for name, models in ((scheme, zeroed), (f"{scheme}, retrained", again)):
            tested[name] = {s: trial.accuracy(model, trial.test) for s, model in models.items()}
            chosen[name] = {
                s: trial.accuracy(model, trial.validation) for s, model in models.items()
            }
    return Measured(_numbers(tested, chosen), tested)


def judge(numbers: Numbers, curves: Curves) -> Verdict:
    """Ask what is lost at the paper's two sparsities.

    Args:
        numbers: As `measure` names them, all seeds.
        curves: The same.

    Returns:
        Holds if neither costs a point, partly if one does.
    """
    bare, again = numbers[at(BLIND, 0.4)], numbers[at(AGAIN, 0.8)]
    means = {scheme: curves[scheme].mean for scheme in RETRAINED}
    best = max(means, key=lambda scheme: means[scheme])
    reason = (
        f"{bare} at 40 % without retraining, {again} at 80 % with it; under one point on validation"
        f" up to {numbers[most(BLIND)]} without and {numbers[most(AGAIN)]} with it. Over all"
        f" sparsities {best} is the best scheme without retraining."
    )
    free = [loss.mean > -ONE_POINT for loss in (bare, again)]
    if all(free):
        return Verdict(judgement="holds", reason=reason)
    return Verdict(judgement="holds partly" if any(free) else "does not hold", reason=reason)


def most(curve: str) -> str:
    """Name the number that says up to where a curve loses less than a point."""
    return f"sparsity with under one point lost on validation, {curve}"


def at(curve: str, share: float) -> str:
    """Name the number that is measured at a sparsity."""
    return f"test accuracy at {100 * share:.0f} %, {curve}, against the whole model"


def _numbers(
    tested: Mapping[str, Mapping[float, float]], chosen: Mapping[str, Mapping[float, float]]
) -> dict[str, Measurement]:
    whole, claimed = tested[BLIND][0.0], {BLIND: 0.4, AGAIN: 0.8}
    numbers = {"whole model": Measurement("percent", whole)}
    for name, share in claimed.items():
        numbers[most(name)] = Measurement(
            "percent", under_a_point(chosen[name]), f"{100 * share:.0f} %"
        )
        numbers[at(name, share)] = Measurement("points", tested[name][share] - whole, "about 0")
    for name in sorted(RETRAINED.keys() - claimed.keys()):
        numbers[most(name)] = Measurement("percent", under_a_point(chosen[name]))
    return numbers


def _zeroed(trial: Trial, share: float, scheme: Scheme) -> Classifier:
    from coldpress.pruning.sparsity import Target, zero_smallest

    return zero_smallest(trial.teacher, Target(share, scheme))


def _retrained(trial: Trial, share: float, scheme: Scheme) -> Classifier:
    from coldpress.pruning.chain import press
    from coldpress.pruning.magnitude import Magnitude
    from coldpress.training import reseed

    reseed(trial.seed, f"{scheme} {share}")
    step = Magnitude(method="magnitude", sparsity=share, scheme=scheme, recovery_epochs=EPOCHS)
    return press([step], trial.teacher, trial.recovery()).classifier


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
