"""The recipe's `gate` section."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from coldpress.gate.point_bounds import PointBounds
from coldpress.schema.section import Section

FILE_BOUNDS = ("min_speedup", "max_p95_ms", "max_label_change")
"""Bounds of what is measured on the ONNX file alone."""


class Gate(Section):
    """Requirements that a model must meet before promotion. An empty bound is not checked."""

    max_drop: Annotated[
        float | None,
        Field(ge=0.0, le=1.0, description="Largest loss of the metric against the teacher."),
    ] = 0.03
    min_score: Annotated[
        float | None,
        Field(
            ge=0.0, le=1.0, description="Smallest value of the metric, lower end of its interval."
        ),
    ] = None
    max_champion_drop: Annotated[
        float | None,
        Field(ge=0.0, le=1.0, description="Largest loss of the metric against the champion."),
    ] = None
    max_class_drop: Annotated[
        float | None,
        Field(ge=0.0, le=1.0, description="Largest loss of accuracy in any class or slice."),
    ] = None
    min_speedup: Annotated[
        float | None,
        Field(
            ge=0.0,
            le=1e6,
            description="Smallest speed-up over the torch teacher, lower end of its interval.",
        ),
    ] = None
    max_bytes: Annotated[
        int | None,
        Field(ge=1, description="Largest size of model and tokenizer on disk, in bytes."),
    ] = None
    max_p95_ms: Annotated[
        float | None,
        Field(ge=0.0, le=1e6, description="Largest 95th percentile of latency, in milliseconds."),
    ] = None
    max_label_change: Annotated[
        float | None,
        Field(
            ge=0.0,
            le=1.0,
            description="Largest share of labels that change with padding, batch or threads.",
        ),
    ] = None
    max_calibration_error: Annotated[
        float | None, Field(ge=0.0, le=1.0, description="Largest expected calibration error.")
    ] = None
    operating_points: list[PointBounds] = Field(
        default_factory=list,
        max_length=100,
        description="Bounds at the operating points of labels, see `evaluate.operating_points`.",
    )
