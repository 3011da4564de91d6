"""What a model costs and how well it does: numbers that can be compared."""

from coldpress.evaluation.section import Evaluate, Latency

__all__ = ["Evaluate", "Latency"]
