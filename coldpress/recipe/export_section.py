"""The recipe's `export` section."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from coldpress.gate import FILE_BOUNDS, Gate
from coldpress.method import Method
from coldpress.schema.section import Section


class Export(Section):
    """Settings of the ONNX export."""

    opset: Annotated[int, Field(ge=17, le=20, description="ONNX operator set.")] = 17


def check_without_file(methods: Sequence[Method], gate: Gate | None) -> None:
    """Check a recipe that ends without an ONNX file.

    Args:
        methods: Of all stages.
        gate: The gate's section, if there is one.

    Raises:
        ValueError: The final model would be the teacher, or the gate bounds properties of a file.
    """
    if not methods:
        raise ValueError(
            "export: null, but nothing is distilled, pruned or quantized: the final model would"
            " be the teacher"
        )
    for field in FILE_BOUNDS:
        if gate is not None and getattr(gate, field) is not None:
            raise ValueError(
                f"gate.{field}: not possible with export: null, which leaves no file to measure"
            )
