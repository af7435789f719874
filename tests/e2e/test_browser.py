"""A person at the dashboard: a headless browser opens it, presses the lock, and the car itself unlocks.

Pictures are kept in tests/e2e/output/. With DRIVEWAY_PICTURE=FILE the one of the dashboard goes there as well.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, FloatRect, Locator, Page, expect

from house.home_assistant import DASHBOARD, PASSWORD, USER
from house.house import CLOUD_LOCK, OUTAGE, House, operate
from tests.e2e import screen
from tests.e2e.screen import DESKTOP, LONG_MS, PHONE, opened, tile

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

ABOVE_THE_VOID: FloatRect = {"x": 0, "y": 0, "width": 1280, "height": 570}


@asynccontextmanager
async def dashboard(browser: Browser, house: House, size: tuple[int, int]) -> AsyncIterator[Page]:
    """The demo's dashboard, signed in."""
    async with opened(browser, house, DASHBOARD, size) as page:
        await expect(tile(page, "Anna")).to_be_visible(timeout=LONG_MS)
        yield page


async def picture(page: Page, name: str) -> Path:
    await expect(tile(page, "Anna").locator("ha-state-icon svg").first).to_be_visible()  # icons are loaded last
    return await screen.picture(page, name)


def button(page: Page, name: str, word: str) -> Locator:
    """The button of a lock's tile that says `lock` or `unlock`."""
    return tile(page, name).locator(f'ha-control-button[data-service="{word}"]')


async def polled(house: House) -> None:
    """Home Assistant has asked the cloud by itself just now; it does so every ten seconds."""
    assert house.cloud
    before = house.cloud.polls.value
    await house.cloud.polls.until(lambda polls: polls > before, timeout_s=60)


async def test_a_press_on_the_lock_unlocks_the_car_while_the_cloud_is_down(browser: Browser, house: House) -> None:
    await house.websocket.call("switch.turn_on", OUTAGE)
    await house.websocket.call("homeassistant.update_entity", CLOUD_LOCK)
    assert house.car.locked
    try:
        async with dashboard(browser, house, DESKTOP) as page:
            await expect(tile(page, "Anna (cloud)")).to_contain_text("Unavailable")
            await expect(tile(page, "Anna")).to_contain_text("Locked")
            await button(page, "Anna", "unlock").click()
            await house.car.becomes(locked=False, timeout_s=30)
            await expect(tile(page, "Anna")).to_contain_text("Unlocked")
            await picture(page, "desktop")
            if wanted := os.environ.get("DRIVEWAY_PICTURE"):
                await page.screenshot(path=wanted, animations="disabled", clip=ABOVE_THE_VOID)
            await button(page, "Anna", "lock").click()
            await house.car.becomes(locked=True, timeout_s=30)
            await expect(tile(page, "Anna")).to_contain_text("Locked")
    finally:
        await house.websocket.call("switch.turn_off", OUTAGE)
        await house.websocket.call("homeassistant.update_entity", CLOUD_LOCK)


async def test_the_outage_is_switched_on_the_dashboard(browser: Browser, house: House) -> None:
    async with dashboard(browser, house, DESKTOP) as page:
        await expect(button(page, "Anna (cloud)", "unlock")).to_be_enabled()
        await polled(house)  # the next one finds the outage, and leaves nothing to press
        await tile(page, "Cloud outage").locator("ha-control-switch").click()
        await house.websocket.becomes(OUTAGE, "on", timeout_s=30)
        await button(page, "Anna (cloud)", "unlock").click()
        await expect(page.get_by_text("The maker's cloud answered with error 500").first).to_be_visible(timeout=LONG_MS)
        await picture(page, "cloud-failed")
        assert house.car.locked
        await tile(page, "Cloud outage").locator("ha-control-switch").click()
        await house.websocket.becomes(OUTAGE, "off", timeout_s=30)
    await house.websocket.call("homeassistant.update_entity", CLOUD_LOCK)


async def test_on_a_phone_everything_fits_and_works(browser: Browser, house: House) -> None:
    async with dashboard(browser, house, PHONE) as page:
        await expect(tile(page, "Charge port")).to_have_count(1)
        await picture(page, "phone")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        for name in ("Anna", "Anna (cloud)", "Cloud outage"):
            box = await tile(page, name).bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= PHONE[0]
        await button(page, "Anna", "unlock").click()
        await house.car.becomes(locked=False, timeout_s=30)
        await expect(tile(page, "Anna")).to_contain_text("Unlocked")
    await operate(house, "lock")


async def test_a_door_that_opens_is_seen_at_once(browser: Browser, house: House) -> None:
    async with dashboard(browser, house, DESKTOP) as page:
        await expect(tile(page, "Driver")).to_contain_text("Closed")
        await house.car.tell("open front_driver_door")
        await expect(tile(page, "Driver")).to_contain_text("Open", timeout=LONG_MS)
        await house.car.tell("close front_driver_door")
        await expect(tile(page, "Driver")).to_contain_text("Closed", timeout=LONG_MS)


async def test_the_printed_login_opens_the_dashboard(browser: Browser, house: House) -> None:
    """What the demo prints is what a person needs."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(house.home.url)
    await page.locator('input[name="username"]').fill(USER, timeout=LONG_MS)
    await page.locator('input[name="password"]').fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(tile(page, "Anna")).to_be_visible(timeout=LONG_MS)
    assert DASHBOARD in page.url
    await context.close()
