"""Pruned copies of the fine-tuned large model, made once for all claims that compare some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import teachers
from coldpress.pruning import pipeline
from coldpress.pruning.fisher.mask_search import UnitCosts
from coldpress.pruning.heads import Heads
from coldpress.pruning.neurons import Neurons
from coldpress.training import loop
from tasks.execution import cache_key

if TYPE_CHECKING:
    from coldpress.model.checkpoint import Checkpoint
    from coldpress.model.classifier import Classifier
    from coldpress.pruning import PruningStep
    from coldpress.pruning.pipeline import RetrainingData
    from trials import Trial


def pressed(
    trial: Trial, steps: Sequence[PruningStep], recovery: RetrainingData | None = None
) -> Checkpoint:
    """Take the steps of a recipe's `prune` list, unless it has been done.

    Args:
        trial: Brings large model, rows and seed.
        steps: Each brings its own retraining.
        recovery: What to judge by and to retrain on, if it is not the trial's.

    Returns:
        The verified checkpoint.
    """
    rows = trial.recovery() if recovery is None else recovery

    def make() -> Classifier:
        loop.reseed(trial.seed, "prune")
        return pipeline.run_steps(steps, trial.teacher, rows).classifier

    about = {
        "code": cache_key.code_digest("benchmarks.papers.pruned"),
        "teacher": trial.checkpoint.digest,
        "steps": list(steps),
        "rows": len(rows.train),
        "data": trial.data.digest,
        "seed": trial.seed,
    }
    return teachers.kept(trial.cache, "pruned", about, make)


def weights(classifier: Classifier) -> UnitCosts:
    """Return how many weights a head and a neuron have.

    Args:
        classifier: Gives the widths.
    """
    hidden = classifier.linear(classifier.layers[0], "query").in_features
    return UnitCosts(head=4 * hidden * classifier.head_size, neuron=2 * hidden)


def by_importance(
    classifier: Classifier, costs: UnitCosts, keep: float, epochs: int = 1
) -> tuple[Heads, Neurons]:
    """Prune heads, then neurons, to this share of what all of them cost.

    Args:
        classifier: What is to be pruned.
        costs: Of a head and a neuron.
        keep: The share. Every layer keeps a head, and neurons pay for those beyond the share.
        epochs: Retraining after either step.

    Returns:
        Two steps.
    """
    heads, neurons = (
        sum(getattr(shape, units) for shape in classifier.shapes) for units in ("heads", "neurons")
    )
    left = max(len(classifier.shapes), round(keep * heads))
    budget = keep * (costs.head * heads + costs.neuron * neurons) - costs.head * left
    stay = max(len(classifier.shapes), int(budget / costs.neuron))
    return (
        Heads(method="heads", keep_heads=left / heads, recovery_epochs=epochs),
        Neurons(method="neurons", keep_neurons=stay / neurons, recovery_epochs=epochs),
    )
