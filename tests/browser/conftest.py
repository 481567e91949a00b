"""A served application and a browser that can reach nothing but it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, sync_playwright

from tests.cli.running import started

CHROMIUM = Path("/usr/bin/chromium")
# The folder where pictures of the pages go; without it they are taken and thrown away.
SCREENSHOTS = "FUBBLE_TEST_SCREENSHOTS"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
_ADDRESS = re.compile(r"GraphiQL +(http://127\.0\.0\.1:\d+/graphql)")
_KEY = re.compile(r"Key +(fub_live_\S+)")


@dataclass(frozen=True, slots=True)
class Example:
    """A tab of the page by its operation's name, and what must appear when it runs."""

    name: str
    answer: str


@dataclass(frozen=True, slots=True)
class Demo:
    """Where the page is served, the key that it holds, and some of its examples."""

    url: str
    key: str
    query: Example
    mutation: Example
    subscription: Example


@dataclass
class Watched:
    """A page, and all that it did which it should not."""

    page: Page
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def on_request(self, route: Route) -> None:
        """Let through what goes to loopback; note and stop the rest."""
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def on_console(self, message: ConsoleMessage) -> None:
        """Note errors and warnings; violations of the policy come here as errors."""
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture(scope="session")
def served_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`fubble demo` as a newcomer starts it."""
    folder = tmp_path_factory.mktemp("demo")
    # A picture shows all of its usage; to be tried, a day of each week is enough.
    days = "1" if SCREENSHOTS in os.environ else "7"
    arguments = ("demo", "--no-browser", "--port", "0", "--every-days", days)
    with started(*arguments, folder=folder) as running:
        address = running.wait_for(lambda: _ADDRESS.search(running.out.read_text()))
        key = running.wait_for(lambda: _KEY.search(running.out.read_text()))
        yield Demo(
            address[1],
            key[1],
            Example("BillSoFar", "Aurora Analytics"),
            Example("RecordUsage", '"rejected": 0'),
            Example("LiveUsage", '"quantity"'),
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the system brings it, with a profile of its own.

    Closed after each module: Playwright occupies the thread's event loop, which other tests need.
    """
    if not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is missing: apt-get install chromium fonts-dejavu")
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where to put pictures of the page."""
    return Path(os.environ.get(SCREENSHOTS) or tmp_path)


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """A new page that sees loopback alone."""
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        watched = Watched(context.new_page())
        context.route("**/*", watched.on_request)
        context.on("console", watched.on_console)
        context.on("weberror", lambda error: watched.complaints.append(str(error.error)))
        yield watched
