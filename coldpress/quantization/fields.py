"""Fields that several methods of quantization have in common."""

from typing import Annotated, Literal

from pydantic import Field

Bits = Annotated[int, Field(ge=1, le=8, description="Of a weight; 1 leaves -1 and 1.")]
ScaleGranularity = Annotated[
    Literal["tensor", "channel"],
    Field(description="What has a scale of its own: a weight matrix, or each output of it."),
]
TableBits = Annotated[
    Annotated[int, Field(ge=1, le=8)] | None,
    Field(description="Of an embedding table; empty: as a weight, and at least 4."),
]
WeightBits = Annotated[
    Literal[7, 8] | None,
    Field(description="7 cannot saturate a processor without VNNI; empty: as this one needs."),
]
CalibrationExamples = Annotated[
    int, Field(ge=1, le=100_000, description="Training texts that the ranges come from.")
]


def resolve_table_bits(said: int | None, weights: int) -> int:
    """Return the bits of an embedding table.

    Args:
        said: What the recipe says of tables, if anything.
        weights: What it says of weights.

    Returns:
        From 1 to 8.
    """
    return said or max(weights, 4)
