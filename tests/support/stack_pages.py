"""Pages of the stack in a real browser that a test clicks through, with nothing from elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Page, Route, expect, sync_playwright

from tests.support.browser import CHROMIUM

_WIDTH = 1280
_PATIENCE_MS = 60_000
expect.set_options(timeout=_PATIENCE_MS)


@contextmanager
def opened() -> Iterator[Page]:
    """Have a page of 1280 x 800 that reaches this machine and no other."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": _WIDTH, "height": 800})
        page.set_default_timeout(_PATIENCE_MS)
        page.route("**/*", _only_from_here)
        yield page
        browser.close()


def _only_from_here(route: Route) -> None:
    """Prefect's pages ask an analytics host for orders, even with analytics turned off."""
    if urlsplit(route.request.url).hostname in {"127.0.0.1", None}:
        route.continue_()
    else:
        route.abort()


def keep(page: Page, folder: Path, name: str, height: int = 800) -> Path:
    """Keep what a page looks like, as a PNG of 256 colours: a third of the bytes.

    Args:
        page: What the browser shows.
        folder: Where to; made if need be.
        name: Of the file, without its suffix.
        height: Of the window, in pixels.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    page.set_viewport_size({"width": _WIDTH, "height": height})
    page.wait_for_timeout(2500)  # what is drawn moves to its place; nothing says when it is there
    with Image.open(io.BytesIO(page.screenshot())) as screenshot:
        screenshot.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    return path
