"""Attention-head pruning by gradient importance (Michel et al. 2019)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from coldpress.section import Section


class Heads(Section):
    """Remove the attention heads that the loss is least sensitive to."""

    method: Literal["heads"]
    keep_heads: Annotated[float, Field(ge=0.0, le=1.0, description="Share of heads that stay.")]
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 1
