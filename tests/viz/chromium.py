"""A headless Chromium, driven by playwright; tests skip where one of the two is missing."""

import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

PATIENCE = 150_000  # milliseconds: a machine at rest takes a tenth of that for JupyterLab
# Nothing is fetched, updated or reported while the tests run.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def chromium() -> Iterator[Callable[..., Any]]:
    """A function that starts a browser with more flags; all are closed at the end."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on PATH")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of playwright's event loop
        with playwright.sync_playwright() as driver:
            yield lambda *flags: driver.chromium.launch(executable_path=program, args=[*FLAGS, *flags], timeout=PATIENCE)


@contextmanager
def tab(browser: Any, address: str, **context: Any) -> Iterator[Any]:
    """A page at an address; what it writes to the console as an error, or throws, fails the test, as does any request elsewhere."""
    opened = browser.new_context(**{"viewport": {"width": 1100, "height": 760}, **context})
    opened.set_default_timeout(PATIENCE)
    page, trouble = opened.new_page(), []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on(
        "request",
        lambda request: trouble.append(request.url) if not request.url.startswith((address, "data:", "blob:")) else None,
    )
    try:
        page.goto(address)
        yield page
        assert not trouble, trouble
    finally:
        opened.close()
