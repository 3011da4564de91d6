"""The report in a real browser, in desktop and phone width."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldpress.report.html import render_report
from tests.support import browser, examples
from tests.support.examples import SECTIONS

WIDTHS = (1280, 375)
ALL_SECTIONS = ["headline", *SECTIONS]
pytestmark = pytest.mark.skipif(
    browser.CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"
)


def test_the_whole_report_is_shown_and_fits_desk_and_phone(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render_report(examples.findings()), encoding="utf-8")
    result = browser.look_at(page, WIDTHS, tmp_path)
    assert result.complaints == []
    for width, page_size in zip(WIDTHS, result.pages, strict=True):
        assert (page_size["width"], page_size["sections"]) == (width, ALL_SECTIONS)
        assert (page_size["scroll_width"] <= width, page_size["overflowing"]) == (True, [])
        assert page_size["scripts"] == 0
        assert page_size["height"] > 3000


@pytest.mark.parametrize(
    "smuggled", ["<script>document.body.remove()</script>", '<img src="https://example.org/x.png">']
)
def test_the_browser_runs_and_loads_nothing_even_if_something_slipped_in(
    tmp_path: Path, smuggled: str
) -> None:
    page = tmp_path / "report.html"
    page.write_text(render_report(examples.findings()).replace("<main>", f"<main>{smuggled}"))
    result = browser.look_at(page, (375,), tmp_path)
    assert "Content Security Policy" in result.complaints[0]
    assert result.pages[0]["sections"] == ALL_SECTIONS


def test_a_page_that_is_too_wide_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<section id="wide" style="width: 2000px">x</section>')
    (page_size,) = browser.look_at(page, (375,), tmp_path).pages
    assert page_size["scroll_width"] >= 2000
    assert page_size["overflowing"] == ["SECTION wide"]
