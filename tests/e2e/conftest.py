"""One house for all end-to-end tests of a session: starting it takes longer than most of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from house import places
from house.house import House
from house.processes import HouseError

_QUIET = ("quic", "gpu", "background-networking", "component-update", "sync")


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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """The whole house, with Home Assistant, cloud and car; through all of it nobody complains of the component."""
    async with House(tmp_path_factory.mktemp("house")) as running:
        yield running
        assert complaints(running) == []


INEVITABLE = ("which has not been tested by Home Assistant", "Error during service call")
"""Said of every custom component, and of every error that a person was shown."""


def complaints(house: House) -> list[str]:
    """What Home Assistant's log has against the component: warnings, errors, and its lines in tracebacks."""
    log = (house.folder / "home-assistant.log").read_text()
    assert "[custom_components.driveway.ear] Bridge Driveway is there" in log
    return [
        line
        for line in log.splitlines()
        if "custom_components/driveway/" in line
        or (
            re.match(r"\S+ \S+ (WARNING|ERROR|CRITICAL) .*driveway", line)
            and not any(words in line for words in INEVITABLE)
        )
    ]
