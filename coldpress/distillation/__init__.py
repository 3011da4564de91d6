"""Distillation: one method a file."""

from typing import Annotated

from pydantic import Field

from coldpress.distillation.distilbert import DistilBert
from coldpress.distillation.hidden import Hidden
from coldpress.distillation.logits import Logits
from coldpress.distillation.relations import Relations
from coldpress.distillation.student import StudentShape

DistillationMethod = Annotated[
    Logits | DistilBert | Hidden | Relations, Field(discriminator="method")
]

__all__ = ["DistilBert", "DistillationMethod", "Hidden", "Logits", "Relations", "StudentShape"]
