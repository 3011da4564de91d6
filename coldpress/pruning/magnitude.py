"""Unstructured magnitude pruning (Han et al. 2015; See et al. 2016)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from coldpress.section import Section


class Magnitude(Section):
    """Zero the smallest weights. Changes no shape: neither smaller on disk nor faster."""

    method: Literal["magnitude"]
    sparsity: Annotated[float, Field(ge=0.0, le=0.99, description="Share of weights zeroed.")]
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 1
