"""The chat page in headless Chromium: what it shows, and that it runs nothing it was not given.

Run by `make test-page`; CHROMIUM names the browser. Screenshots go to tests/page/screenshots.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support import PACKAGE, App, dev, reachable, until

pytestmark = pytest.mark.page
BROWSER = shutil.which(os.environ.get("CHROMIUM") or "chromium") or shutil.which("google-chrome")
SCREENSHOTS = Path(__file__).parent / "screenshots"


@pytest.fixture(scope="module")
def page(app: App) -> Iterator[str]:
    """The address of the page, over an application that knows a hostile document."""
    if BROWSER is None:
        pytest.skip("no Chromium here, the page was NOT tested; install chromium or set CHROMIUM")
    app.index("<img src=x onerror=document.title='pwned'>.txt", "The bell rings <b>twice</b> at noon for everybody.")
    app.ask("When does the bell ring?")
    port = dev.free_port()
    environ = app.environment | {"API_URL": f"http://127.0.0.1:{app.port}", "LISTEN_FRONTEND": str(port)}
    process = subprocess.Popen([sys.executable, "-m", f"{PACKAGE}.frontend"], env=environ)
    until(lambda: reachable(port), "the page")
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)


def browse(url: str, *options: str) -> str:
    """The page as the browser built it, after its scripts have run."""
    assert BROWSER
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", *options, url]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout


def test_the_page_shows_documents_and_conversations_as_text(page):
    shown = browse(page, "--dump-dom")

    assert "&lt;img src=x onerror=document.title='pwned'&gt;.txt" in shown
    assert "<img" not in shown
    assert "<title>pwned" not in shown
    assert "When does the bell ring?" in shown
    assert "No model: quoted passages" in shown


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", ["--window-size=1280,800"]),
        ("dark", ["--window-size=1280,800", "--blink-settings=preferredColorScheme=0"]),
        ("narrow", ["--window-size=500,800"]),
    ],
)
def test_the_page_can_be_drawn(page, name, options):
    SCREENSHOTS.mkdir(exist_ok=True)
    file = SCREENSHOTS / f"{name}.png"

    browse(page, f"--screenshot={file}", *options)

    assert file.stat().st_size > 10_000


def test_the_policy_allows_only_our_own_files(page):
    policy = httpx.get(page).headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_page_passes_streams_on_as_they_come(page):
    with httpx.stream(
        "POST",
        f"{page}/api/chat",
        json={"question": "When does the bell ring?"},
        headers={"Accept": "text/event-stream"},
    ) as response:
        lines = [line for line in response.iter_lines() if line.startswith("event:")]

    assert lines[0] == "event: sources"
    assert lines[-1] == "event: done"
