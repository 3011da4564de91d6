"""A re-evaluation in words: one sentence, or a markdown page."""

from __future__ import annotations

from coldpress.drift.result import Drift, Reevaluation, ShareDifference
from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.evaluation.wording import points
from coldpress.kinds.scores import capitalize_title
from coldpress.schema.markdown import escape_markdown

_TABLE_HEAD = (
    "| Test | Drifted | Effect | Bound | p, adjusted | In words |\n|---|---|---|---|---|---|"
)


def headline(reevaluation: Reevaluation) -> str:
    """Return the result in one or two sentences: plain text, which may contain label names."""
    accuracy = reevaluation.accuracy
    if accuracy is not None and reevaluation.verdict == "worse":
        return accuracy.sentence
    drifted = [test for test in reevaluation.drift if test.drifted]
    if drifted:
        return " ".join(f"{test.way.capitalize()}: {test.sentence}" for test in drifted)
    no_loss = f"no loss of {accuracy.metric_title} and " if accuracy else ""
    return f"{reevaluation.n} new rows show {no_loss}no drift."


def reevaluation_page(reevaluation: Reevaluation) -> str:
    """Write a re-evaluation as markdown.

    Args:
        reevaluation: The result.

    Returns:
        Verdict, accuracy or agreement, and a table of the drift tests.
    """
    text = escape_markdown(headline(reevaluation))
    paragraphs = [
        f"**{reevaluation.model}: {reevaluation.verdict}.** {text}",
        f"{reevaluation.n} new rows, compared with {reevaluation.judged_on} test rows.",
    ]
    accuracy = reevaluation.accuracy
    if accuracy is not None:
        title = capitalize_title(accuracy.metric_title)
        paragraphs.append(f"{title}: {_share_text(accuracy.fresh)}. {accuracy.sentence}")
    if reevaluation.agreement is not None:
        paragraphs.append(_agreement_text(reevaluation.agreement))
    paragraphs.append("\n".join([_TABLE_HEAD, *map(_row, reevaluation.drift)]))
    return "\n\n".join(paragraphs)


def _agreement_text(agreement: ShareDifference) -> str:
    difference = agreement.difference
    return (
        f"Without targets, the quality is unknown. Agreement with the teacher: "
        f"{_share_text(agreement.fresh)}, and {_share_text(agreement.before)} on the test rows: "
        f"{points(difference.estimate)} points, 95 % interval {points(difference.low)} to "
        f"{points(difference.high)}."
    )


def _share_text(share: Interval) -> str:
    bounds = f"{points(share.low)} to {points(share.high)}"
    return f"{points(share.estimate)} % (95 % interval {bounds})"


def _row(test: Drift) -> str:
    drifted = "**yes**" if test.drifted else "no"
    numbers = f"{test.effect:.3g} | {test.bound:.3g} | {test.p_adjusted:.3g}"
    return f"| {test.way} | {drifted} | {numbers} | {escape_markdown(test.sentence)} |"
