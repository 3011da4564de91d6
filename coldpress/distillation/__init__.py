"""Distillation methods."""

from typing import Annotated

from pydantic import Field

from coldpress.distillation.convolution.method import Convolution
from coldpress.distillation.distilbert.method import DistilBert
from coldpress.distillation.hinton.method import Logits
from coldpress.distillation.minilm.method import Relations
from coldpress.distillation.static.method import Static
from coldpress.distillation.student import StudentShape
from coldpress.distillation.tinybert.method import Hidden

DistillationMethod = Annotated[
    Logits | DistilBert | Hidden | Relations | Static | Convolution,
    Field(discriminator="method"),
]

WITHOUT_LAYERS = (Static, Convolution)
"""Methods whose student has no layers."""

__all__ = [
    "WITHOUT_LAYERS",
    "Convolution",
    "DistilBert",
    "DistillationMethod",
    "Hidden",
    "Logits",
    "Relations",
    "Static",
    "StudentShape",
]
