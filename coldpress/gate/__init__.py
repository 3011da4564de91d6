"""Checks before promotion, which take the uncertainty of every number into account."""

from coldpress.gate.config import Gate

__all__ = ["Gate"]
