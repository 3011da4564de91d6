"""The checks before promotion: nothing passes on a point estimate, nothing fails by chance."""

from coldpress.gate.config import Gate

__all__ = ["Gate"]
