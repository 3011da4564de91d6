"""Checks before promotion, which take the uncertainty of every number into account."""

from coldpress.gate.config import FILE_BOUNDS, Gate

__all__ = ["FILE_BOUNDS", "Gate"]
