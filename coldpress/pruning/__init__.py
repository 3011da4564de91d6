"""Pruning: one method a file; a recipe's `prune` is a list of steps, taken in order."""

from typing import Annotated

from pydantic import Field

from coldpress.pruning.heads import Heads
from coldpress.pruning.layers import Layers
from coldpress.pruning.magnitude import Magnitude
from coldpress.pruning.neurons import Neurons

PruningStep = Annotated[Neurons | Heads | Layers | Magnitude, Field(discriminator="method")]

__all__ = ["Heads", "Layers", "Magnitude", "Neurons", "PruningStep"]
