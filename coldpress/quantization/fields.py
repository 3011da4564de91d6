"""Recipe fields shared by several quantization methods."""

from typing import Annotated, Literal

from pydantic import Field

Bits = Annotated[int, Field(ge=1, le=8, description="Bits of a weight; 1 leaves -1 and 1.")]
ScaleGranularity = Annotated[
    Literal["tensor", "channel"],
    Field(description="One scale per weight matrix, or one per output channel."),
]
TableBits = Annotated[
    Annotated[int, Field(ge=1, le=8)] | None,
    Field(description="Bits of an embedding table entry; empty: as a weight, but at least 4."),
]
WeightBits = Annotated[
    Literal[7, 8] | None,
    Field(description="7 cannot saturate without VNNI; empty: chosen for this processor."),
]
CalibrationExamples = Annotated[
    int, Field(ge=1, le=100_000, description="Training texts on which ranges are measured.")
]


def resolve_table_bits(table_bits: int | None, weight_bits: int) -> int:
    """Return the bits of an embedding table entry.

    Args:
        table_bits: As in the recipe; None if not given.
        weight_bits: Bits of the linear weights.

    Returns:
        From 1 to 8.
    """
    return table_bits or max(weight_bits, 4)
