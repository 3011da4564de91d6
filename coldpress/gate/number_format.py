"""Numbers of a check in tables, rounded as in its sentence."""

from __future__ import annotations

from collections.abc import Mapping

from coldpress.gate.verdict import Check

_FORMATS: Mapping[str, tuple[str, str]] = {
    "min_speedup": (".4g", ".6g"),
    "max_bytes": (",.0f", ",.0f"),
    "max_p95_ms": (".4g", ".6g"),
    "max_calibration_error": (".3g", ".6g"),
    "parity": (".3g", ".3g"),
}
"""Formats of value and bound in a check's sentence; the values of all other checks are shares."""


def format_value(check: Check) -> str:
    """Return what was measured; "unknown" if nothing was."""
    return "unknown" if check.value is None else _format(check.name, check.value, 0)


def format_bound(check: Check) -> str:
    """Return the bound of the value."""
    return _format(check.name, check.bound, 1)


def _format(name: str, number: float, column: int) -> str:
    """Round a number; sentences have two decimals for percentage points."""
    if name in _FORMATS:
        return format(number, _FORMATS[name][column])
    return f"{round(number, 4) + 0.0:g}"
