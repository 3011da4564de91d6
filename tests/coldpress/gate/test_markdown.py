"""The verdict in the registry, with label names escaped."""

from __future__ import annotations

from coldpress.gate import markdown
from coldpress.gate.verdict import Check, Verdict


def check(sentence: str, passed: bool = False) -> Check:
    value = None if passed else 0.5
    return Check(name="max_class_drop", value=value, bound=0.1, passed=passed, sentence=sentence)


def test_a_verdict_is_a_table_of_its_checks() -> None:
    verdict = Verdict(passed=False, checks=(check("It lost."), check("It did not.", passed=True)))
    assert markdown.verdict_page(verdict).splitlines() == [
        "Gate: **refused**",
        "",
        "| Check | Verdict | Value | Bound | In words |",
        "|---|---|---|---|---|",
        "| `max_class_drop` | **refused** | 0.5 | 0.1 | It lost. |",
        "| `max_class_drop` | passed | unknown | 0.1 | It did not. |",
    ]


def test_label_names_are_escaped() -> None:
    name = "label a|b\n| **c** <img src=x onerror=y> [d](javascript:e) \\| `f`"
    (line,) = markdown.verdict_page(Verdict(passed=False, checks=(check(name),))).splitlines()[4:]
    assert line == (
        "| `max_class_drop` | **refused** | 0.5 | 0.1 | label a\\|b \\| \\*\\*c\\*\\* "
        "&lt;img src=x onerror=y&gt; \\[d\\](javascript:e) \\\\\\| \\`f\\` |"
    )


def test_a_page_fits_into_a_registry() -> None:
    checks = tuple(check("<" * 1000) for _ in range(9))
    assert len(markdown.verdict_page(Verdict(passed=False, checks=checks))) <= 5000
    assert len(markdown.failed_sentences(Verdict(passed=False, checks=checks))) == 5000


def test_failed_sentences() -> None:
    checks = (check("One."), check("Two.", passed=True), check("Three."))
    assert markdown.failed_sentences(Verdict(passed=False, checks=checks)) == "One.\nThree."
