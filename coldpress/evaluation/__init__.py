"""What a model costs and how well it does: numbers that can be compared."""

from coldpress.evaluation.config import Cost, Evaluate, Latency

__all__ = ["Cost", "Evaluate", "Latency"]
