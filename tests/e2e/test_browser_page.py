"""A person at the bridge's own page, in a headless browser: signs in, locks, unlocks, and is told what became of it.

Pictures are kept in tests/e2e/output/.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.own_page import DESKTOP, LONG_MS, PASSWORD, PHONE, Stand, opened, signed_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

PICTURES = Path(__file__).parent / "output"
CODE = "0123-4567-89AB-CDEF-GHJK"


async def test_the_password_is_asked_for_and_the_page_is_left_again(browser: Browser, stand: Stand) -> None:
    async with opened(browser, stand) as page:
        await expect(page.get_by_text("Anna")).to_have_count(0)
        await page.get_by_label("Password").fill("wrong password")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_have_text("The password is wrong.")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("heading", name="Anna")).to_be_visible()
        await page.reload()
        await expect(page.get_by_role("heading", name="Anna")).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_label("Password")).to_be_visible()
        await expect(page.get_by_text("Anna")).to_have_count(0)


async def test_unlocking_is_asked_back_and_shown_only_when_the_car_says_so(browser: Browser, stand: Stand) -> None:
    async with signed_in(browser, stand) as page:
        anna = page.get_by_role("region", name="Anna")
        await expect(anna.get_by_role("status")).to_contain_text(
            re.compile("Locked.*the car said so .* ago", re.DOTALL)
        )
        await anna.get_by_role("button", name="Unlock").click()
        question = page.get_by_role("dialog", name="Unlock Anna?")
        await expect(question.get_by_role("button", name="Cancel")).to_be_focused()
        await question.get_by_role("button", name="Cancel").click()
        await expect(question).to_be_hidden()
        assert await stand.does("hold") == []
        await anna.get_by_role("button", name="Unlock").click()
        await question.get_by_role("button", name="Unlock now").click()
        await expect(anna.get_by_role("status")).to_contain_text("Unlocking…")
        await expect(anna.get_by_role("status")).to_contain_text("Before: Locked")
        assert await stand.does("release") == [["car-00000001", "unlock"]]
        await expect(anna.get_by_role("alert")).to_have_text("The car says that it is unlocked.", timeout=LONG_MS)
        await expect(anna.get_by_role("status")).to_contain_text("Unlocked")
        row = page.get_by_role("row").nth(1)
        await expect(row).to_contain_text(re.compile("Unlock.*confirmed.*this page"))


async def test_a_refusal_says_why_and_the_car_stays_as_it_was(browser: Browser, stand: Stand) -> None:
    await stand.does("lock unlocked")
    await stand.does("answer refused closures_open")
    async with signed_in(browser, stand, language="de-DE") as page:
        anna = page.get_by_role("region", name="Anna")
        await anna.get_by_role("button", name="Verriegeln").click()
        await expect(anna.get_by_role("alert")).to_have_text(
            "Es wurde nicht getan. Eine Tür oder Klappe ist offen. Schließe sie und versuche es noch einmal."
        )
        await expect(anna.get_by_role("status")).to_contain_text("Entriegelt")


async def test_a_car_that_is_locked_by_another_way_is_seen_by_itself(browser: Browser, stand: Stand) -> None:
    async with signed_in(browser, stand) as page:
        state = page.get_by_role("region", name="Anna").get_by_role("status")
        await expect(state).to_contain_text("Locked")
        await stand.does("lock unlocked")
        await expect(state).to_contain_text("Unlocked", timeout=LONG_MS)
        await stand.does("broker_away")
        await expect(page.get_by_text("The MQTT broker does not answer.")).to_be_visible(timeout=LONG_MS)


async def test_the_page_says_that_it_has_lost_the_bridge(browser: Browser, stand: Stand) -> None:
    async with signed_in(browser, stand) as page:
        lock = page.get_by_role("region", name="Anna").get_by_role("button", name="Lock", exact=True)
        await expect(lock).to_be_enabled()
        await stand.stop()
        await expect(page.get_by_text("No connection to the bridge.")).to_be_visible(timeout=LONG_MS)
        await expect(lock).to_be_disabled()


async def test_german_and_english_by_a_switch(browser: Browser, stand: Stand) -> None:
    async with signed_in(browser, stand, language="de-DE") as page:
        await expect(page.get_by_role("heading", name="Was funktioniert")).to_be_visible()
        await page.get_by_role("link", name="English").click()
        await expect(page.get_by_role("heading", name="What works")).to_be_visible()
        assert await page.evaluate("document.documentElement.lang") == "en"
        await page.get_by_role("link", name="Deutsch").click()
        await expect(page.get_by_role("button", name="Entriegeln").first).to_be_visible()


async def test_the_code_is_hidden_until_it_is_wanted(browser: Browser, stand: Stand) -> None:
    async with signed_in(browser, stand) as page:
        await expect(page.get_by_text(CODE)).to_have_count(0)
        await page.get_by_text("Code of this bridge").click()
        await page.get_by_role("button", name="Show the code").click()
        await expect(page.get_by_text(CODE)).to_be_visible()
        await page.get_by_role("button", name="Hide the code").click()
        await expect(page.get_by_text(CODE)).to_have_count(0)


async def test_the_keyboard_is_enough(browser: Browser, stand: Stand) -> None:
    async with signed_in(browser, stand) as page:
        for _ in range(20):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.textContent") == "Unlock":
                break
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        assert await page.evaluate("document.activeElement.textContent") == "Unlock"
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("region", name="Anna").get_by_role("status")).to_contain_text("Unlocked")


AT_ONCE = """() => {
  document.getElementById("confirm-no").click();
  document.querySelector("[data-part=do-unlock]").click();
}"""


async def test_who_asks_again_right_after_cancelling_is_heard(browser: Browser, stand: Stand) -> None:
    """A browser tells that a dialog closed only later: by then it may be open again."""
    async with signed_in(browser, stand) as page:
        anna = page.get_by_role("region", name="Anna")
        await anna.get_by_role("button", name="Unlock").click()
        await page.evaluate(AT_ONCE)
        await page.get_by_role("dialog", name="Unlock Anna?").get_by_role("button", name="Unlock").click()
        await expect(anna.get_by_role("status")).to_contain_text("Unlocked")


NAMELESS = """() => [...document.querySelectorAll("button, a, input, img, summary, [role=img]")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length || one.getAttribute("alt") === ""))
  .map((one) => one.outerHTML)"""
SMALL = """() => [...document.querySelectorAll("button, summary")].filter((one) => one.checkVisibility())
  .map((one) => one.getBoundingClientRect().height).filter((height) => height < 30)"""
TWICE = """() => { const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  return ids.filter((id, at) => ids.indexOf(id) !== at); }"""
FAINT = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((part) => {
    const share = part / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = (colour) => { const [r, g, b] = parts(colour); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (one) => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (colour !== "rgba(0, 0, 0, 0)") return colour;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("h1, h2, p, dt, dd, small, button:enabled, a, label, b, summary, td, th, span")]
    .filter((one) => one.checkVisibility() && one.textContent.trim())
    .map((one) => {
      const [dark, bright] = [light(getComputedStyle(one).color), light(ground(one))].sort((a, b) => a - b);
      return [(bright + 0.05) / (dark + 0.05), one.outerHTML];
    }).filter(([contrast]) => contrast < 4.5);
}"""


@pytest.mark.parametrize(("scheme", "language"), [("light", "de-DE"), ("dark", "en-GB")])
@pytest.mark.parametrize("size", [PHONE, (320, 600), DESKTOP], ids=["phone", "small", "desktop"])
async def test_it_fits_can_be_read_and_every_button_has_a_name(
    browser: Browser, stand: Stand, size: tuple[int, int], scheme: str, language: str
) -> None:
    async with signed_in(browser, stand, size, language, scheme) as page:
        await page.locator(".car button").first.click()
        await expect(page.locator("#log td.good").first).to_be_visible(timeout=LONG_MS)
        assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
        for rule in (NAMELESS, SMALL, TWICE, FAINT):
            assert await page.evaluate(rule) == []
        PICTURES.mkdir(exist_ok=True)
        name = f"page-{size[0]}-{scheme}-{language[:2]}.png"
        await page.screenshot(path=PICTURES / name, full_page=True, animations="disabled")
