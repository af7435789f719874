"""The bridge's own page in a headless browser, and behind it a bridge that does what a test tells it.

The page runs as it does for an owner, in the bridge's own environment.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page, Request, expect

from house import places

PASSWORD = "correct horse"
PHONE = (390, 844)
DESKTOP = (1280, 900)
LONG_MS = 60_000
_STAND = places.ROOT / "tests/bridge/web/stand.py"
_START_S = 60.0


class Stand:
    """The page's server, and what the bridge behind it shall do."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{port}/"

    async def does(self, action: str) -> list[list[str]]:
        """Let the bridge do something; the commands that it was given so far."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{action}\n".encode())
        return list((await _heard(self._process))["asked"])

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


async def _heard(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    async with asyncio.timeout(_START_S):
        line = await process.stdout.readline()
    return dict(json.loads(line))


@asynccontextmanager
async def standing() -> AsyncIterator[Stand]:
    """The page's server, while it runs."""
    python, *_ = places.driveway()
    environment = os.environ | {"PYTHONPATH": str(places.ROOT / "bridge")}
    process = await asyncio.create_subprocess_exec(
        python, _STAND, env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        running = Stand(process, (await _heard(process))["port"])
        yield running
        await running.stop()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def opened(
    browser: Browser, stand: Stand, size: tuple[int, int] = PHONE, language: str = "en-GB", scheme: str = "light"
) -> AsyncIterator[Page]:
    """The page, not signed in. Whatever a browser complains of, or asks anybody else for, fails the test."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale=language,
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = await context.new_page()
    strange: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith(stand.url):
            strange.append(request.url)

    page.on("request", asked)
    page.on("pageerror", lambda error: strange.append(str(error)))
    page.on(
        "console",
        lambda message: strange.append(message.text) if "Content Security" in message.text else None,
    )
    await page.goto(stand.url)
    await expect(page.get_by_label("Passwor")).to_be_focused(timeout=LONG_MS)
    yield page
    await context.close()
    assert strange == []


@asynccontextmanager
async def signed_in(
    browser: Browser, stand: Stand, size: tuple[int, int] = PHONE, language: str = "en-GB", scheme: str = "light"
) -> AsyncIterator[Page]:
    async with opened(browser, stand, size, language, scheme) as page:
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.locator("svg.signal").first).to_be_visible(timeout=LONG_MS)
        yield page
