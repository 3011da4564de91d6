"""Dynamic int8: weights are integers, activations are measured at run time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from coldpress.section import Section


class DynamicInt8(Section):
    """Signed per-channel weights, unsigned per-tensor activations measured for each batch."""

    method: Literal["dynamic-int8"]
    weight_bits: Annotated[
        Literal[7, 8] | None,
        Field(description="7 cannot saturate a processor without VNNI; empty: as this one needs."),
    ] = None
