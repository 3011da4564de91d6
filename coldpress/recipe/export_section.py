"""Section `export`: settings of the ONNX file."""

from typing import Annotated

from pydantic import Field

from coldpress.schema.section import Section


class Export(Section):
    """Settings of the ONNX export."""

    opset: Annotated[int, Field(ge=17, le=20, description="ONNX operator set.")] = 17
