"""Do learnt gates prune best? CoFi beside other structured pruning of as many operations.

python benchmarks/papers/xia.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, judged, said
from measurement import Measured, Measurement
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.checkpoint import Checkpoint
    from coldpress.model.classifier import Classifier
    from coldpress.pruning import L0
    from coldpress.pruning.fisher.mask_search import UnitCosts
    from coldpress.pruning.pipeline import RetrainingData
    from trials import Trial

SPARSITIES = (0.6, 0.8, 0.95)
MOST = max(SPARSITIES)
GATE_EPOCHS = 2
"""A third of the method's default: three sparsities of three seeds are to fit in half an hour."""
SAMPLE = 256
"""Rows that `fisher` judges by and fits its masks on; the paper takes 2048."""
ENOUGH = 0.9
FAST = 10.0

COFI = "CoFi"
IMPORTANCE = "heads and neurons by importance"
FISHER = "fisher"
ZEROS = "zeros by magnitude"

PAPER = Paper(
    name="xia",
    title="Learnt gates prune best",
    source="Xia, Zhong & Chen 2022, Structured Pruning Learns Compact and Accurate Models, "
    "sections 1 and 4",
    claim="CoFi removes 95 % of a model, is over ten times as fast and keeps over 90 % of its "
    "accuracy, better than other pruning of that size.",
    figure="over 10x as fast, over 90 % kept",
    across="sparsity",
    setting="Sparsity is of the weights of the encoder's layers. Each method retrains as it is "
    f"defined: CoFi (`l0`) trains {GATE_EPOCHS} epochs while gates close (default 6, the paper 20 "
    "and more) and 2 after; `heads` and `neurons` go by gradient importance, one epoch after "
    f"either; `fisher` searches and tunes masks on {SAMPLE} rows and trains nothing. These two get "
    "the share of multiply-accumulates that CoFi's model came to. `magnitude` zeroes the smallest "
    "weights of the linear modules and retrains for an epoch: as many weights are left, but every "
    "multiplication is. Training is on labels at half the rate of fine-tuning. Our CoFi has gates "
    "on hidden dimensions too. Speed is that of fp32 in ONNX Runtime, timed in turns: one "
    "text a call, one thread, no padding, from token ids to logits, median of 300 calls; the "
    "paper's is of a GPU at 128 texts a call.",
)
KEPT = "share of the accuracy kept by CoFi at 95 %"
FASTER = "as fast with CoFi at 95 %"


def measure(trial: Trial) -> Measured:
    """Prune with four methods to three sizes.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracy by sparsity; speed and multiply-accumulates at the highest.
    """
    from coldpress.model import serialization

    whole = trial.accuracy(trial.teacher, trial.test)
    found: dict[str, dict[float, float]] = {}
    for sparsity in trial.some(SPARSITIES):
        made = _pruned(trial, sparsity)
        models = {
            name: serialization.load_classifier(checkpoint) for name, checkpoint in made.items()
        }
        for name, model in models.items():
            found.setdefault(name, {})[sparsity] = trial.accuracy(model, trial.test)
    kept = found[COFI][MOST] / whole
    numbers = {
        "whole model": Measurement("percent", whole),
        KEPT: Measurement("percent", kept, "over 90 %"),
        **_speeds(trial, made),
        **_costs(
            {"whole model": trial.teacher, **{at_most(n): m for n, m in models.items()}}, trial
        ),
    }
    return Measured(numbers, found)


def judge(numbers: Numbers, curves: Curves) -> Verdict:
    """Ask for the paper's two figures, and whether other structured pruning is worse.

    Args:
        numbers: As `measure` names them, all seeds.
        curves: The same.

    Returns:
        Holds if all of it is so, partly if some.
    """
    kept, faster = numbers[KEPT], numbers[FASTER]
    others = {name: curves[COFI].mean - curves[name].mean for name in (IMPORTANCE, FISHER)}
    told = ", ".join(f"{said('points', gain, None)} against {n}" for n, gain in others.items())
    ends = ", ".join(f"{curve.at(-1)} by {name}" for name, curve in curves.items())
    reason = (
        f"{kept} of the accuracy kept and {faster} as fast at 95 %. Over all sparsities CoFi is"
        f" {told}. At 95 %: {ends}."
    )
    asked = [kept.mean >= ENOUGH, faster.mean >= FAST, min(others.values()) > 0]
    return judged(asked, reason)


def macs(classifier: Classifier, costs: UnitCosts) -> int:
    """Return the multiply-accumulates of all layers, a token.

    Args:
        classifier: Gives heads and neurons.
        costs: Of one of either, at this classifier's width.
    """
    return sum(
        costs.head * shape.heads + costs.neuron * shape.neurons for shape in classifier.shapes
    )


def share_of_macs(pruned: Classifier, whole: Classifier, sample: EncodedSplit) -> float:
    """Return how much of the layers' multiply-accumulates is left, each model at its own width.

    Args:
        pruned: Perhaps narrower.
        whole: What it was.
        sample: Rows whose mean length is counted with.
    """
    from coldpress.pruning.fisher import mask_search

    left, all_of_it = (
        macs(one, mask_search.compute_unit_costs(one, sample)) for one in (pruned, whole)
    )
    return left / all_of_it


def at_most(method: str) -> str:
    """Name a method's smallest model."""
    return f"{method} at 95 %"


def beside_importance(
    trial: Trial, gates: L0, epochs: int = 1
) -> tuple[dict[str, Checkpoint], float]:
    """Prune by learnt gates, and by importance to as many multiply-accumulates.

    Args:
        trial: Brings the large model.
        gates: CoFi's step.
        epochs: Retraining after heads, and after neurons.

    Returns:
        Both models, and the share of the layers' multiply-accumulates that they keep.
    """
    from coldpress.model import serialization
    from coldpress.pruning.fisher import mask_search
    from pruned import by_importance, pressed

    cofi = pressed(trial, [gates])
    share = share_of_macs(serialization.load_classifier(cofi), trial.teacher, trial.train)
    costs = mask_search.compute_unit_costs(trial.teacher, trial.train)
    steps = by_importance(trial.teacher, costs, share, epochs)
    return {COFI: cofi, IMPORTANCE: pressed(trial, steps)}, share


def _pruned(trial: Trial, sparsity: float) -> dict[str, Checkpoint]:
    from coldpress.pruning import L0, Fisher, Magnitude
    from pruned import pressed

    epochs = 1 if trial.quick else GATE_EPOCHS
    gates = L0(method="l0", keep_parameters=1 - sparsity, gate_epochs=epochs)
    made, share = beside_importance(trial, gates)
    masks = Fisher(method="fisher", keep_macs=share)
    zeros = Magnitude(method="magnitude", sparsity=sparsity)
    return {
        **made,
        FISHER: pressed(trial, [masks], _few_rows(trial)),
        ZEROS: pressed(trial, [zeros]),
    }


def _few_rows(trial: Trial) -> RetrainingData:
    rows, loss = trial.sample(SAMPLE)
    return replace(trial.recovery(), train=rows, loss=loss)


def _speeds(trial: Trial, made: Mapping[str, Checkpoint]) -> dict[str, Measurement]:
    """Time the whole model and the smallest ones."""
    from in_onnx import median_milliseconds

    taken = median_milliseconds({"whole model": trial.checkpoint, **made}, trial.test)
    whole = taken.pop("whole model")
    faster = {
        FASTER if name == COFI else f"as fast with {at_most(name)}": Measurement(
            "times", whole / own, "over 10x" if name == COFI else None
        )
        for name, own in taken.items()
    }
    return {**faster, "whole model, a text": Measurement("milliseconds", whole)}


def _costs(models: Mapping[str, Classifier], trial: Trial) -> dict[str, Measurement]:
    from coldpress.evaluation.performance.macs import macs_per_token

    return {
        f"multiply-accumulates a token, {name}": Measurement(
            "count", macs_per_token(model, trial.test)
        )
        for name, model in models.items()
    }


SCRIPT = Script(PAPER, measure, judge, timed=True)

if __name__ == "__main__":
    script.main(SCRIPT)
