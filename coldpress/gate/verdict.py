"""Verdict of the gate; its field names are those of `coldpress run --json`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Check(BaseModel):
    """Result of one check of the gate.

    Attributes:
        name: Field of the gate section; `parity` is checked if there is a file.
        value: Measured value; None if there is none, in which case the check fails.
        bound: Bound that the value was compared with.
        passed: Whether the value is within the bound.
        sentence: The result in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    value: float | None
    bound: float
    passed: bool
    sentence: str


class Verdict(BaseModel):
    """All checks: a single failed check refuses the model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    passed: bool
    checks: tuple[Check, ...]
