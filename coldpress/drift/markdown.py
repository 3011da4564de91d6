"""A re-evaluation as a person reads it: in a sentence, and as a page."""

from __future__ import annotations

from coldpress.drift.result import Drift, Reevaluation, ShareDifference
from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.evaluation.wording import points
from coldpress.schema.markdown import escape_markdown

_TABLE_HEAD = (
    "| What | Drifted | How far | Counts above | p, adjusted | In words |\n"
    "|---|---|---|---|---|---|"
)


def headline(found: Reevaluation) -> str:
    """Say what was found, in a sentence or two.

    Args:
        found: The re-evaluation.

    Returns:
        Plain text; names of labels may stand in it.
    """
    if found.accuracy is not None and found.verdict == "worse":
        return found.accuracy.sentence
    drifted = [one for one in found.drift if one.drifted]
    if drifted:
        return " ".join(f"{one.way.capitalize()}: {one.sentence}" for one in drifted)
    lost = "no loss of accuracy and " if found.accuracy else ""
    return f"{found.n} fresh rows show {lost}no drift."


def reevaluation_page(found: Reevaluation) -> str:
    """Write a re-evaluation as markdown.

    Args:
        found: The re-evaluation.

    Returns:
        Verdict, accuracy or agreement, and a table of what may have drifted.
    """
    rows = f"{found.n} fresh rows, beside the {found.judged_on} that it was judged on."
    told = [f"**{found.model}: {found.verdict}.** {escape_markdown(headline(found))}", rows]
    if found.accuracy is not None:
        told.append(f"Accuracy: {_share_text(found.accuracy.fresh)}. {found.accuracy.sentence}")
    if found.agreement is not None:
        told.append(_agreement_text(found.agreement))
    return "\n\n".join([*told, "\n".join([_TABLE_HEAD, *map(_row, found.drift)])])


def _agreement_text(found: ShareDifference) -> str:
    gap = found.difference
    return (
        f"Without labels nobody knows how many answers are right. Agreement with its teacher: "
        f"{_share_text(found.fresh)}, and {_share_text(found.before)} when it was judged: "
        f"{points(gap.estimate)} points, 95 % interval {points(gap.low)} to {points(gap.high)}."
    )


def _share_text(found: Interval) -> str:
    ends = f"{points(found.low)} to {points(found.high)}"
    return f"{points(found.estimate)} % (95 % interval {ends})"


def _row(one: Drift) -> str:
    said = "**yes**" if one.drifted else "no"
    numbers = f"{one.effect:.3g} | {one.bound:.3g} | {one.p_adjusted:.3g}"
    return f"| {one.way} | {said} | {numbers} | {escape_markdown(one.sentence)} |"
