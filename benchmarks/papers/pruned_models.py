"""Pruned copies of the fine-tuned large model, cached for all claims that need them."""

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
    from coldpress.pruning.context import PruningContext
    from trials import Trial


def prune_model(
    trial: Trial, steps: Sequence[PruningStep], context: PruningContext | None = None
) -> Checkpoint:
    """Run the steps of a recipe's `prune` list, unless the result is in the cache.

    Args:
        trial: Large model, rows and seed.
        steps: Pruning steps, each with its own epochs of retraining.
        context: For measuring importance and retraining; the trial's by default.

    Returns:
        The verified checkpoint.
    """
    context = trial.pruning_context() if context is None else context

    def make() -> Classifier:
        loop.reseed(trial.seed, "prune")
        return pipeline.run_steps(steps, trial.teacher, context).classifier

    inputs = {
        "code": cache_key.code_digest("benchmarks.papers.pruned_models"),
        "teacher": trial.checkpoint.digest,
        "steps": list(steps),
        "rows": len(context.data.train),
        "data": trial.data.digest,
        "seed": trial.seed,
    }
    return teachers.load_or_make(trial.cache, "pruned", inputs, make)


def count_unit_weights(classifier: Classifier) -> UnitCosts:
    """Count the weights of a head and a neuron.

    Args:
        classifier: Its sizes are used.
    """
    hidden = classifier.linear(classifier.layers[0], "query").in_features
    return UnitCosts(head=4 * hidden * classifier.head_size, neuron=2 * hidden)


def importance_steps(
    classifier: Classifier, costs: UnitCosts, keep: float, epochs: int = 1
) -> tuple[Heads, Neurons]:
    """Return two steps that prune heads and neurons to a share of their total cost.

    Args:
        classifier: The model to prune.
        costs: Costs of a head and a neuron.
        keep: Share to keep. Every layer keeps a head; if these cost more than the share of the
            heads, more neurons are removed.
        epochs: Epochs of retraining after each step.

    Returns:
        A step for heads and a step for neurons.
    """
    heads, neurons = (
        sum(getattr(shape, units) for shape in classifier.shapes) for units in ("heads", "neurons")
    )
    head_count = max(len(classifier.shapes), round(keep * heads))
    budget = keep * (costs.head * heads + costs.neuron * neurons) - costs.head * head_count
    neuron_count = max(len(classifier.shapes), int(budget / costs.neuron))
    return (
        Heads(method="heads", keep_heads=head_count / heads, recovery_epochs=epochs),
        Neurons(method="neurons", keep_neurons=neuron_count / neurons, recovery_epochs=epochs),
    )
