"""Home Assistant on a screen: pages in a headless browser, the owner signed in, and pictures of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Locator, Page

from house.house import House

PICTURES = Path(__file__).parent / "output"
DESKTOP = (1280, 800)
PHONE = (400, 800)
TABLET = (1180, 820)
LONG_MS = 60_000


@asynccontextmanager
async def opened(browser: Browser, house: House, path: str, size: tuple[int, int] = DESKTOP) -> AsyncIterator[Page]:
    """A page of Home Assistant, signed in."""
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]})
    tokens = json.dumps(json.dumps(house.home.browser_tokens))
    await context.add_init_script(f"localStorage.hassTokens = {tokens}")
    page = await context.new_page()
    await page.goto(f"{house.home.url}/{path}")
    yield page
    await context.close()


def tile(page: Page, name: str) -> Locator:
    """The tile card of that name."""
    return page.locator("hui-tile-card").filter(has=page.get_by_text(name, exact=True))


async def picture(page: Page, name: str) -> Path:
    """Keep what is on the screen."""
    PICTURES.mkdir(exist_ok=True)
    path = PICTURES / f"{name}.png"
    await page.screenshot(path=path, animations="disabled")
    return path
