"""The recipe's `evaluate` section."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from coldpress.evaluation.operating_points.section import OperatingPointSection
from coldpress.evaluation.subgroups.slices import DeclaredSlices
from coldpress.schema.section import FlatChoice, Section

MIN_ROUNDS = 60
"""Three turns per model: with fewer, a disturbance may hit a single model."""


class Latency(Section):
    """Settings of the latency measurement."""

    batch: Annotated[int, Field(ge=1, le=256, description="Texts per call.")] = 1
    threads: Annotated[int, Field(ge=1, le=256, description="Intra-op threads.")] = 1
    rounds: Annotated[
        int,
        Field(
            ge=MIN_ROUNDS,
            le=100_000,
            description="Calls per model, interleaved.",
        ),
    ] = 300


class Cost(Section):
    """Settings of the cost estimate."""

    price_per_core_hour: Annotated[
        float, Field(ge=0.0, le=1e6, description="Price of a core-hour, in any currency.")
    ] = 0.04


class Evaluate(Section):
    """How the models are evaluated."""

    latency: Latency = Latency()
    cost: Cost = Cost()
    slices: list[Annotated[DeclaredSlices, FlatChoice()]] = Field(
        default_factory=list,
        max_length=100,
        description="Slices of the test rows that are evaluated separately, like classes.",
    )
    operating_points: list[OperatingPointSection] = Field(
        default_factory=list,
        max_length=100,
        description="Labels with a threshold for a false-positive rate or a precision.",
    )
