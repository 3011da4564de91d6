"""Pruning: one method a file; a recipe's `prune` is a list of steps, taken in order."""

from typing import Annotated

from pydantic import Field

from coldpress.pruning.cofi.method import L0
from coldpress.pruning.fisher.method import Fisher
from coldpress.pruning.heads import Heads
from coldpress.pruning.layers import Layers
from coldpress.pruning.magnitude import Magnitude
from coldpress.pruning.movement.method import Movement
from coldpress.pruning.neurons import Neurons
from coldpress.pruning.vocabulary.method import Vocabulary

PruningStep = Annotated[
    # The form takes the first that has all of the fields: fewest first.
    Vocabulary | Neurons | Heads | Layers | Movement | Magnitude | Fisher | L0,
    Field(discriminator="method"),
]

__all__ = [
    "L0",
    "Fisher",
    "Heads",
    "Layers",
    "Magnitude",
    "Movement",
    "Neurons",
    "PruningStep",
    "Vocabulary",
]
