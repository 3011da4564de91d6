"""The HTML report: all measurements, nothing that is missing, and escaped user text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from coldpress.gate.verdict import Check
from coldpress.report.html import render_report
from tests.support import examples
from tests.support.examples import SECTIONS

VOID = {"meta", "circle", "line", "rect", "polyline"}


class Page(HTMLParser):
    """Tags, sections and links of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.sections: list[str] = []
        self.addresses: list[str] = []
        self.jumps: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.sections.append(attributes["id"])
        links = [value for name, value in attributes.items() if name in {"href", "src", "srcset"}]
        self.jumps += [value[1:] for value in links if value.startswith("#")]
        self.addresses += [value for value in links if not value.startswith("#")]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def words(html: str) -> str:
    """The text of a page, every run of spaces as one."""
    body = html[html.index("<body>") :]
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_everything_that_was_measured_has_its_section() -> None:
    page = Page(render_report(examples.findings()))
    assert page.sections == SECTIONS
    assert page.jumps == SECTIONS
    assert page.open == []


def test_values_that_were_not_measured_are_left_out() -> None:
    html = render_report(examples.bare())
    page = Page(html)
    assert page.sections == page.jumps == ["waterfall", "trade-offs", "recipe"]
    assert "Not checked by a gate" in words(html)
    assert "None" not in words(html)


def test_the_page_loads_nothing_external() -> None:
    html = render_report(examples.findings())
    page = Page(html)
    assert page.addresses == ["http://localhost:5000/#/experiments/1/runs/abc"]
    assert {"script", "link", "img", "iframe", "object", "base"} & set(page.tags) == set()
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_user_text_is_escaped() -> None:
    html = render_report(examples.findings())
    # A label in the gate, in the sentence, figure and table of groups, in a text, in an answer,
    # and a column's name in the recipe.
    assert html.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") == 7
    assert "<script" not in html
    hostile = replace(examples.findings(), name=examples.HOSTILE, version="\"'><b>")
    assert "script" not in Page(render_report(hostile)).tags


def test_only_http_addresses_become_links() -> None:
    assert "javascript:alert(1)" in words(render_report(examples.findings()))
    assert 'href="javascript' not in render_report(examples.findings())


def test_equal_findings_give_equal_bytes() -> None:
    assert render_report(examples.findings()) == render_report(examples.findings())


def test_a_hundred_lost_rows_are_shown_and_the_rest_is_counted() -> None:
    text = words(render_report(examples.findings()))
    assert "by road 98 ?" in text
    assert "by road 99 ?" not in text
    assert "and 3 more in flips.json" in text
    few = replace(examples.findings(), flips=examples.flips()[:2])
    assert "more in flips.json" not in words(render_report(few))


@pytest.mark.parametrize(
    ("passed", "expected"), [(True, "Passed the gate"), (False, "Refused by the gate")]
)
def test_the_verdict_stands_in_the_headline(passed: bool, expected: str) -> None:
    verdict = examples.verdict().model_copy(update={"passed": passed})
    text = words(render_report(replace(examples.findings(), verdict=verdict)))
    assert text.startswith(f"Coldpress report trec version 3 {expected}")


@pytest.mark.parametrize(
    ("passed", "expected"),
    [(False, "not computed, bound 0.001"), (True, "nothing to compare with, bound 0.001")],
)
def test_a_check_without_a_value_gives_the_reason(passed: bool, expected: str) -> None:
    verdict = examples.verdict()
    check = verdict.checks[0].model_copy(update={"value": None, "passed": passed})
    single = verdict.model_copy(update={"checks": (check,)})
    assert expected in words(render_report(replace(examples.findings(), verdict=single)))


@pytest.mark.parametrize(
    ("name", "value", "bound", "expected"),
    [
        ("max_bytes", 523618.0, 1048576.0, "523,618, bound 1,048,576"),
        ("max_drop", 0.03285714, 0.05, "0.0329, bound 0.05"),
    ],
)
def test_numbers_of_a_check_are_those_of_the_registry(
    name: str, value: float, bound: float, expected: str
) -> None:
    verdict = examples.verdict()
    check = Check(name=name, value=value, bound=bound, passed=True, sentence="It did.")
    single = verdict.model_copy(update={"checks": (check,)})
    assert expected in words(render_report(replace(examples.findings(), verdict=single)))


def test_the_tables_contain_the_numbers() -> None:
    text = words(render_report(examples.findings()))
    assert "onnx onnxruntime 94.8 92.8 97.4 1.05 M 4.2 MB 525 k 0.31 p95 0.372 0.41 21.9x" in text
    assert "quantized simulated 94.8 92.8 97.4 3.77 M 15.1 MB 1.89 M &ndash; &ndash;" in text
    assert "source = web forum slice, by column 41 96.0 91.0 \u22125.0" in text
    assert "in a batch 0.021 0.50" in text
    assert "Throughput 5210 texts per second 16 texts in a request, one thread" in text
    assert "Energy" not in text
    assert "onnx calibration error 0.021, temperature 1.37" in text
    assert "trec-teacher/1 train teacher &middot; 1a1a1a1a1a1a &middot; 3.5 min" in text


def test_each_processor_has_its_latency() -> None:
    text = words(render_report(examples.two_processors()))
    assert "arm | &lt;b&gt; 94.8 0.62 0.75 21.9x" in text
    assert "Processors" not in words(render_report(examples.findings()))


def test_the_precision_of_parts_is_listed() -> None:
    report = render_report(examples.quantized())
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", report.split("Precision by part")[1])
    assert cells[4:12] == ["embeddings", "4", "&ndash;", "x", "a; b", "3", "8", "int8, y"]
    assert "Precision by part" not in render_report(examples.bare())
