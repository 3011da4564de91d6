from __future__ import annotations

from coldpress.drift import markdown
from coldpress.drift.result import (
    AccuracyChange,
    Drift,
    DriftKind,
    DriftVerdict,
    Reevaluation,
    ShareDifference,
)
from coldpress.evaluation.scorecard.scorecard import Interval

HALF = Interval(estimate=0.5, low=0.4, high=0.6)
LESS = ShareDifference(
    n=80, fresh=HALF, before=HALF, difference=Interval(estimate=-0.2, low=-0.3, high=-0.1)
)


def drift(way: DriftKind, drifted: bool, sentence: str) -> Drift:
    return Drift(
        way=way,
        effect=0.31,
        bound=0.1,
        p=0.001,
        p_adjusted=0.004,
        drifted=drifted,
        sentence=sentence,
    )


def found(verdict: DriftVerdict, *, labelled: bool = True, drifted: bool = True) -> Reevaluation:
    """Two ways, of which one may have drifted."""
    told = "It answers fewer rightly."
    accuracy = AccuracyChange(
        fresh=HALF, others=LESS, same=None, worse=verdict == "worse", sentence=told
    )
    return Reevaluation(
        model="trec/3",
        verdict=verdict,
        n=80,
        digest="0",
        judged_on=500,
        accuracy=accuracy if labelled else None,
        agreement=None if labelled else LESS,
        drift=(
            drift("labels", drifted, "<b>LOC|2</b> went from 1.0 % of the rows to 9.0 %."),
            drift("length", False, "As long as ever."),
        ),
    )


def test_the_headline_says_what_is_the_matter() -> None:
    assert markdown.headline(found("worse")) == "It answers fewer rightly."
    assert markdown.headline(found("drifted")) == (
        "Labels: <b>LOC|2</b> went from 1.0 % of the rows to 9.0 %."
    )
    assert markdown.headline(found("healthy", drifted=False)) == (
        "80 fresh rows show no loss of accuracy and no drift."
    )
    assert markdown.headline(found("healthy", labelled=False, drifted=False)) == (
        "80 fresh rows show no drift."
    )


def test_the_page_has_a_row_a_way() -> None:
    lines = markdown.reevaluation_page(found("worse")).splitlines()
    assert lines[0] == "**trec/3: worse.** It answers fewer rightly."
    assert "Accuracy: 50 % (95 % interval 40 to 60). It answers fewer rightly." in lines
    assert lines[-1] == "| length | no | 0.31 | 0.1 | 0.004 | As long as ever. |"
    assert "yes" in lines[-2]


def test_without_labels_it_says_what_is_not_known() -> None:
    page = markdown.reevaluation_page(found("drifted", labelled=False))
    assert "Accuracy" not in page
    assert (
        "Agreement with its teacher: 50 % (95 % interval 40 to 60), and 50 % (95 % interval 40 to "
        "60) when it was judged: -20 points, 95 % interval -30 to -10." in page
    )


def test_names_of_labels_become_no_markup() -> None:
    page = markdown.reevaluation_page(found("drifted"))
    assert "<b>" not in page
    assert r"&lt;b&gt;LOC\|2&lt;/b&gt;" in page
