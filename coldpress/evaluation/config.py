"""The recipe's `evaluate` section."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from coldpress.evaluation.subgroups.slices import DeclaredSlices
from coldpress.schema.section import FlatChoice, Section

MIN_ROUNDS = 60
"""Three turns a model: with fewer, what the machine does meanwhile hits one of them alone."""


class Latency(Section):
    """What is timed."""

    batch: Annotated[int, Field(ge=1, le=256, description="Texts per call.")] = 1
    threads: Annotated[int, Field(ge=1, le=256, description="Intra-op threads.")] = 1
    rounds: Annotated[
        int,
        Field(
            ge=MIN_ROUNDS,
            le=100_000,
            description="Calls per model, interleaved with the others'.",
        ),
    ] = 300


class Cost(Section):
    """What the cost of answering is worked out from."""

    price_per_core_hour: Annotated[
        float, Field(ge=0.0, le=1e6, description="Price of one core for an hour, any currency.")
    ] = 0.04


class Evaluate(Section):
    """How the models are judged."""

    latency: Latency = Latency()
    cost: Cost = Cost()
    slices: list[Annotated[DeclaredSlices, FlatChoice()]] = Field(
        default_factory=list,
        max_length=100,
        description="Rows that are judged by themselves, as classes are.",
    )
