"""One house for all end-to-end tests of a session: starting it takes longer than most of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from house import places
from house.house import House
from house.processes import HouseError
from tests.e2e.own_page import Stand, standing
from tests.figures import Figures

expect.set_options(timeout=30_000)  # a slow computer paints late
_FIGURES = pytest.StashKey[Figures]()
_QUIET = ("quic", "gpu", "background-networking", "component-update", "sync")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = Figures()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if table := config.stash[_FIGURES].table():
        terminalreporter.section("figures")
        for line in table:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    return pytestconfig.stash[_FIGURES]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium; without one its tests are skipped, and the reason says how to get it."""
    try:
        chromium = places.program("chromium")
    except HouseError as error:
        pytest.skip(str(error))
    options = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in _QUIET)]
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=options)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def stand() -> AsyncIterator[Stand]:
    """The bridge's own page, before a bridge that does what it is told."""
    async with standing() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """The whole house, with Home Assistant, cloud and car; through all of it nobody complains of the component."""
    async with House(tmp_path_factory.mktemp("house")) as running:
        yield running
        assert complaints(running) == []


INEVITABLE = (
    "which has not been tested by Home Assistant",
    "Error during service call",
    "[homeassistant.helpers.intent] Service call failed",
    "Intent handling error",
    "is taking over",
    "Task exception was never retrieved",
)
"""Said of every custom component, of what takes a slow computer ten seconds, and of every error that a person was told.

The last one is of Assist: it waits 0.2 s for an action, and for none that fails later. What a task of our own leaves
behind would name no action of Home Assistant's in its traceback.
"""


def complaints(house: House) -> list[str]:
    """What Home Assistant's log has against the component: its warnings and errors, with their tracebacks."""
    log = (house.folder / "home-assistant.log").read_text()
    assert "[custom_components.driveway.ear] Bridge Driveway is there" in log
    records = re.split(r"\n(?=\d{4}-\d\d-\d\d \S+ [A-Z]+ )", log)
    grave = (record for record in records if re.match(r"\S+ \S+ (WARNING|ERROR|CRITICAL) ", record))
    return [record for record in grave if _of_ours(record) and not _inevitable(record)]


def _of_ours(record: str) -> bool:
    header, _, traceback = record.partition("\n")
    return "driveway" in header or "custom_components/driveway/" in traceback


def _inevitable(record: str) -> bool:
    header, _, traceback = record.partition("\n")
    if "Task exception was never retrieved" in header:
        return "homeassistant/components/lock/__init__.py" in traceback or "helpers/service.py" in traceback
    return any(words in header for words in INEVITABLE)
