"""Pruning methods. A recipe's `prune` is a list of steps that run in order."""

from typing import Annotated

from pydantic import Field

from coldpress.pruning.cofi.method import L0
from coldpress.pruning.embeddings import Embeddings
from coldpress.pruning.fisher.method import Fisher
from coldpress.pruning.heads import Heads
from coldpress.pruning.layers import Layers
from coldpress.pruning.magnitude import Magnitude
from coldpress.pruning.movement.method import Movement
from coldpress.pruning.neurons import Neurons
from coldpress.pruning.vocabulary.method import Vocabulary

PruningStep = Annotated[
    # The Prefect form picks the first member that has all of the fields, so fewest fields first.
    Vocabulary | Neurons | Heads | Embeddings | Layers | Movement | Magnitude | Fisher | L0,
    Field(discriminator="method"),
]

__all__ = [
    "L0",
    "Embeddings",
    "Fisher",
    "Heads",
    "Layers",
    "Magnitude",
    "Movement",
    "Neurons",
    "PruningStep",
    "Vocabulary",
]
