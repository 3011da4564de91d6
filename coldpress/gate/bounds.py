"""Checks of a value against an upper bound, and of values that are missing."""

from __future__ import annotations

from coldpress.gate.verdict import Check


def check_upper_bound(name: str, value: float | None, bound: float, template: str) -> Check:
    """Check that a measured value is at most its bound.

    Args:
        name: Field of the gate.
        value: None if it was not measured, in which case the check fails.
        bound: Largest allowed value.
        template: Sentence with `{value}` and `{bound}`.
    """
    if value is None:
        return report_missing_value(name, bound, "It was not measured")
    sentence = template.format(value=value, bound=bound)
    return Check(name=name, value=value, bound=bound, passed=value <= bound, sentence=sentence)


def report_missing_value(name: str, bound: float, problem: str) -> Check:
    """Return a failed check.

    Args:
        name: Field of the gate.
        bound: What a value would have been compared with.
        problem: Why there is none, as the beginning of a sentence.
    """
    sentence = f"{problem}; a check without a value fails."
    return Check(name=name, value=None, bound=bound, passed=False, sentence=sentence)
