"""A real browser, if this machine has one: pages of any width, and what they look like in it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Else a page may not look into the frames that it shows.
    "--allow-file-access-from-files",
    "--enable-logging=stderr",
    "--virtual-time-budget=5000",
    "--window-size=1400,1000",
    "--dump-dom",
)
# A window has a least width; a frame has the one that it is given.
_FRAME = '<iframe src="{page}" style="width: {width}px; height: 900px; border: 0"></iframe>'
_MEASURE = """
const scrolls = e => /auto|scroll/.test(getComputedStyle(e).overflowX);
const inBox = (e, top) => {
  for (let p = e.parentElement; p && p !== top; p = p.parentElement) if (scrolls(p)) return true;
  return false;
};
const named = e => `${e.tagName} ${e.id || e.getAttribute("class") || ""}`.trim();
function seen(frame) {
  const page = frame.contentDocument, width = frame.contentWindow.innerWidth;
  const all = [...page.body.querySelectorAll("*")];
  const wide = e => e.getBoundingClientRect().right > width + 1 && !inBox(e, page.body);
  return {
    width,
    scroll_width: page.documentElement.scrollWidth,
    height: page.documentElement.scrollHeight,
    sections: all.filter(e => /SECTION|HEADER/.test(e.tagName) && e.clientHeight > 0)
      .map(e => e.id),
    overflowing: all.filter(wide).map(named),
    scripts: page.scripts.length,
  };
}
addEventListener("load", () => {
  const found = [...document.querySelectorAll("iframe")].map(seen);
  document.body.textContent = JSON.stringify(found);
});
"""


@dataclass(frozen=True)
class Seen:
    """A page in a browser.

    Attributes:
        pages: One record a width: what is on the page and what sticks out of it.
        complaints: What the browser wrote to its console.
    """

    pages: list[dict[str, Any]]
    complaints: list[str]


def look_at(page: Path, widths: Sequence[int], directory: Path) -> Seen:
    """Open a file in frames of several widths.

    Args:
        page: An HTML file.
        widths: In pixels.
        directory: An empty one, for the browser's own files.

    Returns:
        What was seen.
    """
    frames = "".join(_FRAME.format(page=page.as_uri(), width=width) for width in widths)
    outer = directory / "frames.html"
    outer.write_text(f"<!doctype html><body>{frames}<script>{_MEASURE}</script></body>")
    profile = f"--user-data-dir={directory / 'profile'}"
    result = subprocess.run(
        [str(CHROMIUM), *_OPTIONS, profile, outer.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    match = re.search(r"<body>(\[.*\])</body>", result.stdout, flags=re.DOTALL)
    assert match is not None, result.stdout[-2000:]
    complaints = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
    return Seen(json.loads(unescape(match[1])), complaints)
