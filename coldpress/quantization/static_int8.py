"""Static int8: weights are integers, activation ranges are calibrated on training text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from coldpress.section import Section


class StaticInt8(Section):
    """Signed per-channel weights, unsigned per-tensor activations with calibrated ranges."""

    method: Literal["static-int8"]
    calibration_examples: Annotated[
        int, Field(ge=1, le=100_000, description="Training texts that the ranges come from.")
    ] = 256
    weight_bits: Annotated[
        Literal[7, 8] | None,
        Field(description="7 cannot saturate a processor without VNNI; empty: as this one needs."),
    ] = None
