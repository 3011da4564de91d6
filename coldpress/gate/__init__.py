"""The checks before promotion: nothing passes on a point estimate, nothing fails by chance."""

from coldpress.gate.section import Gate

__all__ = ["Gate"]
