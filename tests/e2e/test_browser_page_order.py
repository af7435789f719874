"""The bridge's own page when answers come late, or in another order than they were asked for, and when nobody looks.

A test holds an answer back and gives it when it wants, so that the bad order happens for sure.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.e2e.own_page import PASSWORD, Stand, signed_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

STATE, COMMAND, CODE = re.compile("/api/state"), re.compile("/api/command"), re.compile("/api/code")
SETTLED = "async () => { await (await fetch('/healthz')).text(); await new Promise((done) => setTimeout(done)); }"
SIGN_OUT_ELSEWHERE = """async () => {
  const headers = { "Content-Type": "application/json" };
  await fetch("/api/logout", { method: "POST", headers, body: "{}" });
}"""
LOOK = """(away) => {
  Object.defineProperty(document, "hidden", { get: () => away, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
AN_HOUR = """() => {
  const now = performance.now.bind(performance), date = Date.now;
  performance.now = () => now() + 3600_000;
  Date.now = () => date() + 3600_000;
}"""
LOGIN_COMES_BACK = """() => {
  const login = document.getElementById("login");
  new MutationObserver(() => { window.back ||= !login.hidden; }).observe(login, { attributes: true });
}"""
EIGHT_HOURS_ASLEEP = "() => { const date = Date.now; Date.now = () => date() + 8 * 3600_000; }"


class Held:
    """An answer that the bridge has given, and that the page gets when it is let."""

    def __init__(self, page: Page) -> None:
        self.given = asyncio.Event()
        self._page = page
        self._free = asyncio.Event()
        self._sent = asyncio.Event()

    async def take(self, route: Route) -> None:
        try:
            # Once more where the bridge closes, in that very moment, a connection that was kept and not used.
            answer = await route.fetch(max_retries=3)
            self.given.set()
            await self._free.wait()
            await route.fulfill(response=answer)
        finally:  # a test goes on, and fails with what went wrong here
            self.given.set()
            self._sent.set()

    async def arrives(self) -> None:
        """Let it go; the page has done with it what it wants."""
        self._free.set()
        await self._sent.wait()
        await self._page.evaluate(SETTLED)


async def held(page: Page, path: re.Pattern[str]) -> Held:
    """Hold back the next answer to this question."""
    answer = Held(page)
    await page.route(path, answer.take, times=1)
    return answer


async def silent(page: Page, path: re.Pattern[str]) -> None:
    """From now on nothing is answered there."""
    asked = asyncio.Event()
    await page.route(path, lambda _route: asked.set())
    await asked.wait()


def anna(page: Page) -> Locator:
    return page.get_by_role("region", name="Anna")


async def unlock(page: Page) -> None:
    await anna(page).get_by_role("button", name="Unlock").click()
    await page.get_by_role("dialog", name="Unlock Anna?").get_by_role("button", name="Unlock now").click()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, stand: Stand) -> AsyncIterator[Page]:
    async with signed_in(browser, stand) as page:
        yield page


# Who comes and goes ---------------------------------------------------------------------------------------------------


async def test_who_has_signed_out_is_shown_nothing_more(page: Page) -> None:
    state = await held(page, STATE)
    await state.given.wait()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Password")).to_be_focused()
    await state.arrives()
    assert await page.get_by_label("Password").is_visible()
    await expect(page.get_by_text("Anna")).to_have_count(0)


async def test_who_signs_in_again_is_not_thrown_out_by_what_was_asked_before(page: Page, stand: Stand) -> None:
    await stand.does("hold")
    await anna(page).get_by_role("button", name="Lock", exact=True).click()
    await expect(anna(page).get_by_role("status")).to_contain_text("Locking")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Password")).to_be_focused()
    refused = await held(page, STATE)
    await stand.does("release")  # at its end the page asks for the state
    await refused.given.wait()
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Sign in")).to_be_hidden()
    await page.evaluate(LOGIN_COMES_BACK)
    await refused.arrives()
    await expect(page.get_by_role("heading", name="Anna")).to_be_visible()
    assert not await page.evaluate("window.back")


async def test_a_sign_out_that_does_not_arrive_is_none(page: Page) -> None:
    await page.route("**/api/logout", lambda route: route.abort())
    await silent(page, STATE)
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_text("No connection to the bridge.")).to_be_visible()
    await expect(page.get_by_role("heading", name="Anna")).to_be_visible()


async def test_the_question_does_not_outlive_the_session(page: Page) -> None:
    await anna(page).get_by_role("button", name="Unlock").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.evaluate(SIGN_OUT_ELSEWHERE)
    await expect(page.get_by_label("Password")).to_be_focused()
    await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_a_press_after_the_end_of_the_session_is_told_so(page: Page, stand: Stand) -> None:
    await silent(page, STATE)
    await page.evaluate(SIGN_OUT_ELSEWHERE)
    await anna(page).get_by_role("button", name="Lock", exact=True).click()
    await expect(page.get_by_role("alert")).to_have_text("Sign in first.")
    assert await stand.does("hold") == []


# Commands -------------------------------------------------------------------------------------------------------------


async def test_a_lock_that_came_too_fast_does_not_silence_the_unlocking(page: Page, stand: Stand) -> None:
    await stand.does("hold")
    await unlock(page)
    status, alert = anna(page).get_by_role("status"), anna(page).get_by_role("alert")
    await expect(status).to_contain_text("Unlocking")
    too_fast = {"error": "pace", "sentence": "That was too fast for the car."}
    await page.route(COMMAND, lambda route: route.fulfill(status=429, json=too_fast), times=1)
    await anna(page).get_by_role("button", name="Lock", exact=True).click()
    await expect(alert).to_have_text("That was too fast for the car.")
    await expect(status).to_contain_text("Unlocking")
    assert await stand.does("release") == [["car-00000001", "unlock"]]
    await expect(alert).to_have_text("The car says that it is unlocked.")
    await expect(status).to_contain_text("Unlocked")


async def test_before_is_what_the_car_said_before_the_press(page: Page, stand: Stand) -> None:
    await stand.does("hold")
    await unlock(page)
    status = anna(page).get_by_role("status")
    await expect(status).to_contain_text("Before: Locked")
    await stand.does("lock unlocked")
    await stand.does("broker_away")
    await expect(page.get_by_text("The MQTT broker does not answer.")).to_be_visible()
    await expect(status).to_contain_text("Before: Locked")
    await stand.does("release")
    await expect(anna(page).get_by_role("alert")).to_have_text("The car says that it is unlocked.")


async def test_the_question_does_not_outlive_its_car(page: Page, stand: Stand) -> None:
    await page.get_by_role("region", name="Berta").get_by_role("button", name="Unlock").click()
    await expect(page.get_by_role("dialog", name="Unlock Berta?")).to_be_visible()
    await stand.does("one_car")
    await expect(page.get_by_role("dialog")).to_be_hidden()


# Time -----------------------------------------------------------------------------------------------------------------


async def test_who_looks_again_is_not_told_of_a_loss_that_there_was_not(page: Page) -> None:
    lock = anna(page).get_by_role("button", name="Lock", exact=True)
    await page.evaluate(LOOK, arg=True)
    await page.evaluate(AN_HOUR)
    state = await held(page, STATE)
    await page.evaluate(LOOK, arg=False)
    await expect(anna(page).get_by_role("status")).to_contain_text("1 hour ago")
    assert not await page.get_by_text("No connection to the bridge.").is_visible()
    assert await lock.is_enabled()
    await state.arrives()
    await expect(anna(page).get_by_role("status")).to_contain_text("seconds ago")


async def test_a_loss_is_still_one_for_who_looks_again(page: Page) -> None:
    await silent(page, STATE)
    lost = page.get_by_text("No connection to the bridge.")
    await page.evaluate(AN_HOUR)
    await expect(lost).to_be_visible()
    await page.evaluate(LOOK, arg=True)
    await page.evaluate(AN_HOUR)
    await page.evaluate(LOOK, arg=False)
    assert await lost.is_visible()


async def test_a_computer_that_has_slept_does_not_take_what_is_old_for_new(page: Page) -> None:
    """The clock by which a browser measures stands still meanwhile."""
    await silent(page, STATE)
    await page.evaluate(EIGHT_HOURS_ASLEEP)
    await expect(anna(page).get_by_role("status")).to_contain_text("8 hours ago")


# What is shown on request ---------------------------------------------------------------------------------------------


async def test_a_code_that_comes_late_is_not_shown_to_who_has_hidden_it(page: Page) -> None:
    await page.get_by_text("Code of this bridge").click()
    show, hide = (page.get_by_role("button", name=f"{word} the code") for word in ("Show", "Hide"))
    late = await held(page, CODE)
    await show.click()
    await late.given.wait()
    await show.click()
    await hide.click()
    await late.arrives()
    assert await show.is_visible()
    await expect(page.get_by_text("0123-4567")).to_have_count(0)


async def test_who_asks_for_the_code_in_vain_is_told_so(page: Page) -> None:
    await page.get_by_text("Code of this bridge").click()
    await page.route(CODE, lambda route: route.abort())
    await page.get_by_role("button", name="Show the code").click()
    await expect(page.locator("#code")).to_contain_text("No connection to the bridge.")
    await page.unroute(CODE)
    await page.get_by_role("button", name="Show the code").click()
    await expect(page.get_by_text("0123-4567")).to_be_visible()


async def test_the_details_of_before_are_not_shown_as_those_of_now(page: Page) -> None:
    details, heading = page.locator("#health"), page.get_by_text("Details for experts")
    await heading.click()
    await expect(details).to_contain_text("hci0")
    await heading.click()
    await silent(page, STATE)
    await heading.click()
    await expect(page.locator("#health-panel")).to_have_attribute("open", "")
    await expect(details).to_have_text("")
