"""What the gate says of a model: the field names are those of `coldpress run --json`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Check(BaseModel):
    """One promise, and whether it was kept.

    Attributes:
        name: The field of the gate that it comes from; `parity` is always checked.
        value: What was measured; None where it could not be, and then the check fails.
        bound: What it was held to.
        passed: The verdict.
        sentence: Both in words, for a person who must decide.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    value: float | None
    bound: float
    passed: bool
    sentence: str


class Verdict(BaseModel):
    """All checks together: one that fails refuses the model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    passed: bool
    checks: tuple[Check, ...]
