"""What all records of evaluation share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class FrozenRecord(BaseModel):
    """A record that cannot be touched up, and in which every number is one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Bounds(FrozenRecord):
    """A 95 % interval."""

    low: float
    high: float
