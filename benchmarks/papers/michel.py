"""Head pruning of a fine-tuned model without retraining.

python benchmarks/papers/michel.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, format_points
from measurement import ONE_POINT, Measurement, TrialResult, last_within_a_point
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from torch import Tensor

    from coldpress.data.encoding import EncodedSplit
    from trials import Trial

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
SAMPLE = 1024
"""Training rows that importance is measured on."""
DRAWS = 3
"""Random orders per seed, to average out luck."""
CLAIMED = (0.2, 0.4)

PAPER = Paper(
    name="michel",
    title="Many heads are redundant",
    source="Michel, Levy & Neubig 2019, Are Sixteen Heads Really Better than One?, section 4",
    claim="40 % of BERT's heads, and 20 % of those of a translation model, can be removed by "
    "importance without retraining and without a noticeable effect.",
    figure="20 to 40 % of the heads",
    across="heads removed",
    setting=f"Heads are ranked over all layers together by equation 2 of the paper on {SAMPLE} "
    "training rows, normalized within each layer, and really removed; each layer keeps at "
    f"least one. The random curve is the mean of {DRAWS} orders per seed. The largest "
    "share whose loss is under one point is chosen on validation rows.",
)
MOST = "share removed with under one point lost on validation"
CHANGE_AT_MOST = "test accuracy there, against the whole model"


def measure(trial: Trial) -> TrialResult:
    """Remove more and more heads, by importance and by chance.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracy by share removed, and the share selected on validation rows.
    """
    importance = _importance(trial)
    tested = _accuracies(trial, importance, trial.test)
    validated = _accuracies(trial, importance, trial.validation)
    most = last_within_a_point(validated)
    change = {share: score - tested[0.0] for share, score in tested.items()}
    numbers = {
        "whole model": Measurement("percent", tested[0.0]),
        MOST: Measurement("percent", most, "20 to 40 %"),
        CHANGE_AT_MOST: Measurement("points", change[most]),
        **{
            change_name(share): Measurement("points", change[share], "about 0") for share in CLAIMED
        },
    }
    return TrialResult(numbers, {"by importance": tested, "at random": _at_random(trial)})


def judge(numbers: Numbers, curves: Curves) -> Verdict:
    """Check the loss at the paper's two shares, and whether the order matters.

    Args:
        numbers: Of all seeds, by the names of `measure`.
        curves: Of all seeds.

    Returns:
        Holds if both shares cost under a point, and importance is better than random.
    """
    few, many = (numbers[change_name(share)] for share in CLAIMED)
    gain = curves["by importance"].mean - curves["at random"].mean
    reason = (
        f"{few} with {100 * CLAIMED[0]:.0f} % of the heads removed, {many} with"
        f" {100 * CLAIMED[1]:.0f} %; under one point on validation up to {numbers[MOST]} removed."
        f" Over all shares, importance is better than random order by {format_points(gain)}."
    )
    if min(few.mean, many.mean) > -ONE_POINT and gain > 0:
        return Verdict(judgement="holds", reason=reason)
    return Verdict(
        judgement="holds partly" if few.mean > -ONE_POINT else "does not hold", reason=reason
    )


def _importance(trial: Trial) -> list[Tensor]:
    from coldpress.pruning.importance import head_importance

    rows, loss = trial.sample(SAMPLE)
    return head_importance(trial.teacher, rows, loss)


def _accuracies(trial: Trial, importance: list[Tensor], rows: EncodedSplit) -> dict[float, float]:
    """Prune like the method `heads`, with one ranking for all shares, as in the paper."""
    from coldpress.model.surgery import keep_heads
    from coldpress.pruning.importance import most_important

    heads = sum(shape.heads for shape in trial.teacher.shapes)
    scores = dict[float, float]()
    for share in trial.subset(SHARES):
        kept_heads = most_important(importance, round((1 - share) * heads))
        scores[share] = trial.accuracy(keep_heads(trial.teacher, kept_heads), rows)
    return scores


def _at_random(trial: Trial) -> dict[float, float]:
    """Return the mean test accuracy of several orders, by share removed."""
    from coldpress.pruning.importance import random_importance
    from coldpress.training.loop import reseed

    reseed(trial.seed, "random orders")
    heads = [shape.heads for shape in trial.teacher.shapes]
    draws = [_accuracies(trial, random_importance(heads), trial.test) for _ in range(DRAWS)]
    return {share: statistics.fmean(draw[share] for draw in draws) for share in draws[0]}


def change_name(share: float) -> str:
    """Return the name of the accuracy at a share of removed heads."""
    return f"test accuracy with {100 * share:.0f} % removed, against the whole model"


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
