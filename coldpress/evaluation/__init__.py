"""Quality, size and speed of the models of a run, measured on the test split."""

from coldpress.evaluation.config import Cost, Evaluate, Latency

__all__ = ["Cost", "Evaluate", "Latency"]
