"""Base class of all evaluation records."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class FrozenRecord(BaseModel):
    """An immutable record in which every number is finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Bounds(FrozenRecord):
    """A 95 % interval."""

    low: float
    high: float
