"""The verdict in the registry, with label names escaped."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(
    ("name", "value", "bound", "row"),
    [
        ("max_drop", 0.03285714, 0.05, "0.0329 | 0.05"),
        ("max_class_drop", 1 / 56, 0.1, "0.0179 | 0.1"),
        ("max_champion_drop", -0.00001, 0.01, "0 | 0.01"),
        ("operating_points.0.min_recall", 2 / 3, 0.6, "0.6667 | 0.6"),
        ("min_speedup", 20.673211, 5.0, "20.67 | 5"),
        ("max_bytes", 523618.0, 1048576.0, "523,618 | 1,048,576"),
        ("max_p95_ms", 0.0912345, 1.5, "0.09123 | 1.5"),
        ("max_calibration_error", 0.0123456, 0.05, "0.0123 | 0.05"),
        ("parity", 0.00000123456, 0.0010812345, "1.23e-06 | 0.00108"),
    ],
)
def test_numbers_are_rounded_as_in_sentences(
    name: str, value: float, bound: float, row: str
) -> None:
    measured = Check(name=name, value=value, bound=bound, passed=True, sentence="It did.")
    page = markdown.verdict_page(Verdict(passed=True, checks=(measured,)))
    assert page.splitlines()[-1] == f"| `{name}` | passed | {row} | It did. |"


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
