"""Feed-forward neuron pruning by first-order importance (Molchanov et al. 2017)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from coldpress.section import Section


class Neurons(Section):
    """Remove the feed-forward neurons that the loss is least sensitive to."""

    method: Literal["neurons"]
    keep_neurons: Annotated[float, Field(ge=0.0, le=1.0, description="Share that stays.")]
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 1
