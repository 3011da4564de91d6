"""Distillation: one method a file."""

from coldpress.distillation.logits import Logits, StudentShape

DistillationMethod = Logits

__all__ = ["DistillationMethod", "Logits", "StudentShape"]
