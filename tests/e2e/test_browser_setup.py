"""An owner sets things up in a browser: a second bridge is found, its code typed, and the car paired with it.

Everything is real but the car; the card is tapped and the screen confirmed at the virtual one. Pictures are kept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from house.bridge import Bridge
from house.house import LOCK, House
from house.websocket import CommandFailed
from tests.e2e.conftest import complaints
from tests.e2e.screen import LONG_MS, PHONE, TABLET, opened, picture, tile

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

INTEGRATIONS = "config/integrations/dashboard"
DRIVEWAY = "config/integrations/integration/driveway"


@dataclass(frozen=True, slots=True)
class Estate:
    """A house of its own, with a second bridge, which opens for unsigned words."""

    house: House
    garage: Bridge


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def estate(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with (
        House(tmp_path_factory.mktemp("estate"), with_cloud=False) as house,
        house.second_bridge(more="name: Garage\nplain_topics: [unlock]\n") as garage,
    ):
        yield Estate(house, garage)
        assert complaints(house) == []


async def submit(page: Page) -> None:
    await page.get_by_role("button", name="Submit").click()


async def test_a_second_bridge_is_found_and_joins_with_its_code(browser: Browser, estate: Estate) -> None:
    async with opened(browser, estate.house, INTEGRATIONS) as page:
        await expect(page.get_by_text("Garage")).to_be_visible(timeout=LONG_MS)
        await page.wait_for_load_state("networkidle")
        await picture(page, "discovered")
        await page.get_by_role("button", name="Add", exact=True).first.click()
        field = page.locator("ha-selector-text input").first
        await field.fill("0000-0000-0000-0000-0000", timeout=LONG_MS)
        await submit(page)
        await expect(page.get_by_text("This is not the code of the bridge.")).to_be_visible(timeout=LONG_MS)
        await picture(page, "code-wrong")
        await field.fill(await estate.garage.code())
        await submit(page)
        await expect(page.get_by_text("Garage now belongs to Driveway.")).to_be_visible(timeout=LONG_MS)


async def test_the_car_is_paired_with_it(browser: Browser, estate: Estate) -> None:
    await estate.house.lock_is_there()
    async with opened(browser, estate.house, DRIVEWAY) as page:
        await page.get_by_role("button", name="Pair a car").click(timeout=LONG_MS)
        await page.locator("ha-selector-select").last.get_by_text("Garage").click(timeout=LONG_MS)
        await picture(page, "pairing-form")
        await submit(page)
        await expect(page.get_by_text("Now tap a key card", exact=False)).to_be_visible(timeout=LONG_MS)
        await expect(page.locator("ha-spinner, ha-progress-bar, ha-circular-progress").first).to_be_visible()
        await picture(page, "pairing-card")
        await estate.house.car.tell("tap")
        await estate.house.car.tell("confirm")
        await expect(page.get_by_text("Garage is paired", exact=False)).to_be_visible(timeout=LONG_MS)
        await picture(page, "pairing-done")


async def test_what_is_dangerous_is_a_repair(browser: Browser, estate: Estate) -> None:
    async with opened(browser, estate.house, "config/repairs") as page:
        await page.get_by_text("Garage opens for unsigned words").click(timeout=LONG_MS)
        await expect(page.get_by_text("plain_topics", exact=False).first).to_be_visible(timeout=LONG_MS)
        await picture(page, "repair")


async def test_the_page_of_the_car(browser: Browser, estate: Estate) -> None:
    await estate.house.websocket.call("button.press", "button.anna_wake")
    await estate.house.websocket.states.until(
        lambda states: states["sensor.anna_battery"].state not in ("unknown", "unavailable"), timeout_s=180
    )
    devices = await estate.house.websocket.command("config/device_registry/list")
    [car] = [device["id"] for device in devices if device["manufacturer"] == "Tesla"]
    async with opened(browser, estate.house, f"config/devices/device/{car}", (1280, 1400)) as page:
        await expect(page.get_by_text("Sentry Mode").first).to_be_visible(timeout=LONG_MS)
        await page.wait_for_load_state("networkidle")
        await picture(page, "device")


@pytest.mark.parametrize(("name", "size"), [("phone", PHONE), ("tablet", TABLET)])
async def test_the_ready_dashboard(browser: Browser, estate: Estate, name: str, size: tuple[int, int]) -> None:
    """As the action gives it, saved as an owner would."""
    websocket = estate.house.websocket
    answer = await websocket.command(
        "call_service",
        domain="driveway",
        service="dashboard",
        target={"entity_id": LOCK},
        return_response=True,
    )
    path = f"anna-{name}"
    await websocket.command(
        "lovelace/dashboards/create", url_path=path, title="Anna", mode="storage", show_in_sidebar=False
    )
    await websocket.command("lovelace/config/save", url_path=path, config=answer["response"][LOCK])
    async with opened(browser, estate.house, path, size) as page:
        await expect(tile(page, "Anna").first).to_be_visible(timeout=LONG_MS)
        await page.wait_for_load_state("networkidle")
        assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert await page.locator("hui-error-card, hui-warning").count() == 0
        await picture(page, f"dashboard-{name}")


async def test_a_press_that_fails_says_why(browser: Browser, estate: Estate) -> None:
    await estate.house.car.tell("vanish")
    try:
        await estate.house.websocket.becomes("binary_sensor.anna_reachable", "off", timeout_s=90)
        with pytest.raises(CommandFailed):
            await estate.house.websocket.call("lock.unlock", LOCK)
        async with opened(browser, estate.house, "anna-phone", PHONE) as page:
            button = tile(page, "Anna").first.locator('ha-control-button[data-service="unlock"]')
            await button.click(timeout=LONG_MS)
            await expect(page.get_by_text("was not heard over Bluetooth", exact=False).first).to_be_visible(
                timeout=LONG_MS
            )
            await picture(page, "unlock-failed")
    finally:
        await estate.house.car.tell("return")
