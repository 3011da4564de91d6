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


def result(verdict: DriftVerdict, *, labelled: bool = True, drifted: bool = True) -> Reevaluation:
    """A result with two drift tests, of which one may have drifted."""
    accuracy = AccuracyChange(
        fresh=HALF,
        others=LESS,
        same=None,
        worse=verdict == "worse",
        sentence="Fewer rows are correct.",
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


def test_the_headline_names_the_problem() -> None:
    assert markdown.headline(result("worse")) == "Fewer rows are correct."
    assert markdown.headline(result("drifted")) == (
        "Labels: <b>LOC|2</b> went from 1.0 % of the rows to 9.0 %."
    )
    assert markdown.headline(result("healthy", drifted=False)) == (
        "80 new rows show no loss of accuracy and no drift."
    )
    assert markdown.headline(result("healthy", labelled=False, drifted=False)) == (
        "80 new rows show no drift."
    )


def test_the_page_has_one_row_per_test() -> None:
    lines = markdown.reevaluation_page(result("worse")).splitlines()
    assert lines[0] == "**trec/3: worse.** Fewer rows are correct."
    assert "Accuracy: 50 % (95 % interval 40 to 60). Fewer rows are correct." in lines
    assert lines[-1] == "| length | no | 0.31 | 0.1 | 0.004 | As long as ever. |"
    assert "yes" in lines[-2]


def test_a_metric_has_its_name_in_sentences() -> None:
    labelled = result("healthy", drifted=False)
    assert labelled.accuracy is not None
    title = {"metric": "ndcg_at_10", "metric_title": "nDCG@10"}
    ranked = labelled.model_copy(update={"accuracy": labelled.accuracy.model_copy(update=title)})
    assert markdown.headline(ranked) == "80 new rows show no loss of nDCG@10 and no drift."
    assert "nDCG@10: 50 % (95 % interval 40 to 60)." in markdown.reevaluation_page(ranked)


def test_without_labels_the_page_has_agreement_instead_of_accuracy() -> None:
    page = markdown.reevaluation_page(result("drifted", labelled=False))
    assert "Accuracy" not in page
    assert (
        "Agreement with the teacher: 50 % (95 % interval 40 to 60), and 50 % (95 % interval 40 to "
        "60) on the test rows: -20 points, 95 % interval -30 to -10." in page
    )


def test_names_of_labels_become_no_markup() -> None:
    page = markdown.reevaluation_page(result("drifted"))
    assert "<b>" not in page
    assert r"&lt;b&gt;LOC\|2&lt;/b&gt;" in page
