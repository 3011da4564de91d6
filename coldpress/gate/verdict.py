"""Verdict of the gate; its field names are those of `coldpress run --json`."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class Check(BaseModel):
    """Result of one check of the gate.

    Attributes:
        name: Field of the gate section; `parity` is checked if there is a file.
        value: Measured value; None if there is none, in which case the check fails.
        bound: Bound that the value was compared with.
        passed: Whether the value is within the bound.
        sentence: The result in words.
        processor: The processor of the evaluation, if there are several.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    value: float | None
    bound: float
    passed: bool
    sentence: str
    processor: str | None = None


class Verdict(BaseModel):
    """All checks: a single failed check refuses the model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    passed: bool
    checks: tuple[Check, ...]


def join_verdicts(verdicts: Mapping[str, Verdict]) -> Verdict:
    """Join the verdicts of the evaluations on several processors: the gate must hold on each.

    Args:
        verdicts: By processor, at least one.

    Returns:
        The verdict itself if there is one. Otherwise all checks, in the order of the processors;
        their sentences name them.
    """
    if len(verdicts) == 1:
        return next(iter(verdicts.values()))
    checks = tuple(
        check.model_copy(
            update={"processor": processor, "sentence": f"On {processor}: {check.sentence}"}
        )
        for processor, verdict in verdicts.items()
        for check in verdict.checks
    )
    return Verdict(passed=all(check.passed for check in checks), checks=checks)
