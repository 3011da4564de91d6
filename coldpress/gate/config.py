"""The recipe's `gate` section."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from coldpress.schema.section import Section


class Gate(Section):
    """What a model must hold before it may be promoted. An empty bound is not checked."""

    max_drop: Annotated[
        float, Field(ge=0.0, le=1.0, description="Largest loss of accuracy against the teacher.")
    ] = 0.03
    max_champion_drop: Annotated[
        float | None,
        Field(ge=0.0, le=1.0, description="Largest loss of accuracy against the champion."),
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
            description="Least gain over the torch teacher, by the lower end of its interval.",
        ),
    ] = None
    max_bytes: Annotated[
        int | None, Field(ge=1, description="Largest model and tokenizer on disk, in bytes.")
    ] = None
    max_p95_ms: Annotated[
        float | None, Field(ge=0.0, le=1e6, description="Slowest 95th percentile, milliseconds.")
    ] = None
    max_label_change: Annotated[
        float | None,
        Field(
            ge=0.0,
            le=1.0,
            description="Largest share of labels that padding, batch or threads may change.",
        ),
    ] = None
    max_calibration_error: Annotated[
        float | None, Field(ge=0.0, le=1.0, description="Largest expected calibration error.")
    ] = None
