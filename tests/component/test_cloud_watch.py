"""The cloud watch: what it says of the maker's cloud, and that nothing else hangs on it."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientConnectionError, web
from aiohttp.test_utils import TestServer
from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from tests.component.conftest import Press, household
from tests.component.fake_bridge import ANNA, FakeBridge

from custom_components.driveway.cloud_watch import AGAIN, EVERY, NEUTRAL_URL
from custom_components.driveway.const import CONF_WATCH, CONF_WATCH_URL, WATCH_URL

SENSOR, EVENT = "sensor.maker_s_cloud_state", "event.maker_s_cloud_changes"
HERE = "http://127.0.0.1/cloud"

Watched = Callable[..., Coroutine[Any, Any, MockConfigEntry]]


@pytest.fixture
def watched(hass: HomeAssistant, bridge: FakeBridge) -> Watched:
    """Set up a household whose owner has switched the watch on; Anna is in the carport."""

    async def set_up(**options: object) -> MockConfigEntry:
        entry = household(bridge, ANNA)
        entry.add_to_hass(hass)
        hass.config_entries.async_update_entry(entry, options={CONF_WATCH: True, CONF_WATCH_URL: HERE} | options)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await bridge.come_up()
        await hass.async_block_till_done(wait_background_tasks=True)
        return entry

    return set_up


def shown(hass: HomeAssistant, entity_id: str = SENSOR) -> State:
    state = hass.states.get(entity_id)
    assert state is not None
    return state


class Net:
    """What the two addresses answer from now on: a status, or an error."""

    def __init__(self, hass: HomeAssistant, mocker: AiohttpClientMocker, freezer: FrozenDateTimeFactory) -> None:
        self._hass = hass
        self._mocker: Any = mocker  # it has no types
        self._freezer = freezer

    def answers(self, cloud: int | type[Exception], neutral: int | type[Exception] = 200, *, at: str = HERE) -> None:
        self._mocker.clear_requests()
        for url, answer in ((at, cloud), (NEUTRAL_URL, neutral)):
            if isinstance(answer, int):
                self._mocker.get(url, status=answer)
            else:
                self._mocker.get(url, exc=answer())

    def hangs(self) -> asyncio.Event:
        """Never answer; gives what is set when somebody asks."""
        asked = asyncio.Event()

        async def hang(method: str, url: object, data: object) -> None:
            asked.set()
            await asyncio.Event().wait()

        self._mocker.get(HERE, side_effect=hang)
        return asked

    @property
    def asked(self) -> list[str]:
        return [str(url) for _, url, _, _ in self._mocker.mock_calls]

    async def after(self, time: timedelta) -> None:
        self._freezer.tick(time + timedelta(seconds=1))
        async_fire_time_changed(self._hass)
        await self._hass.async_block_till_done(wait_background_tasks=True)


@pytest.fixture
def net(hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, freezer: FrozenDateTimeFactory) -> Net:
    return Net(hass, aioclient_mock, freezer)


async def test_it_is_off_until_it_is_switched_on(
    hass: HomeAssistant, home: MockConfigEntry, aioclient_mock: AiohttpClientMocker
) -> None:
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get(SENSOR) is None
    assert aioclient_mock.mock_calls == []


@pytest.mark.parametrize("status", [200, 302, 401, 404, 429])
async def test_any_answer_is_a_sign_of_life(hass: HomeAssistant, watched: Watched, net: Net, status: int) -> None:
    net.answers(status, ClientConnectionError)
    await watched()
    assert shown(hass).state == "reachable"
    assert shown(hass, EVENT).state == STATE_UNKNOWN  # that all is well at the start is no news
    assert net.asked == [HERE]


@pytest.mark.parametrize(
    ("cloud", "neutral", "state", "text"),
    [
        (500, 200, "failing", "The maker's cloud does not work right now"),
        (503, ClientConnectionError, "failing", "The maker's cloud does not work right now"),
        (ClientConnectionError, 200, "failing", "The maker's cloud does not work right now"),
        (TimeoutError, 500, "failing", "The maker's cloud does not work right now"),
        (ClientConnectionError, ClientConnectionError, "no_internet", "The house has no Internet right now"),
        (TimeoutError, TimeoutError, "no_internet", "The house has no Internet right now"),
    ],
)
async def test_an_outage_is_told_when_it_was_seen_twice(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    watched: Watched,
    net: Net,
    cloud: int | type[Exception],
    neutral: int | type[Exception],
    state: str,
    text: str,
) -> None:
    net.answers(200)
    entry = await watched()
    net.answers(cloud, neutral)
    await net.after(EVERY)
    assert shown(hass).state == "reachable"
    await net.after(AGAIN)
    assert shown(hass).state == state
    event = shown(hass, EVENT).attributes
    assert event["event_type"] == state
    assert event["text"].startswith(text)
    assert event["text"].endswith("Use this lock: it is local.")
    report: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert report["cloud_watch"] == state
    net.answers(200)
    await net.after(EVERY)
    assert shown(hass).state == "reachable"
    assert shown(hass, EVENT).attributes["event_type"] == "reachable"


async def test_a_single_failure_is_not_told(hass: HomeAssistant, watched: Watched, net: Net) -> None:
    net.answers(200)
    await watched()
    for _ in range(2):
        net.answers(503)
        await net.after(EVERY)
        net.answers(200)
        await net.after(AGAIN)
    assert shown(hass).state == "reachable"
    assert shown(hass, EVENT).state == STATE_UNKNOWN


async def test_at_the_start_nothing_is_known_before_it_was_seen_twice(
    hass: HomeAssistant, watched: Watched, net: Net
) -> None:
    net.answers(503)
    await watched()
    assert shown(hass).state == STATE_UNKNOWN
    await net.after(AGAIN)
    assert shown(hass).state == "failing"
    assert shown(hass, EVENT).attributes["event_type"] == "failing"
    asked = len(net.asked)
    await net.after(AGAIN)
    assert len(net.asked) == asked  # from now on every five minutes again
    net.answers(ClientConnectionError, ClientConnectionError)
    await net.after(EVERY)
    assert shown(hass).state == "no_internet"


async def test_a_reload_in_an_outage_does_not_tell_it_twice(hass: HomeAssistant, watched: Watched, net: Net) -> None:
    net.answers(503)
    entry = await watched()
    await net.after(AGAIN)
    told_at = shown(hass, EVENT).state
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    await net.after(AGAIN)
    assert shown(hass).state == "failing"
    assert shown(hass, EVENT).state == told_at
    net.answers(200)
    await net.after(EVERY)
    assert shown(hass, EVENT).attributes["event_type"] == "reachable"


async def test_the_text_is_in_the_language_of_the_house(hass: HomeAssistant, watched: Watched, net: Net) -> None:
    hass.config.language = "de"
    net.answers(503)
    await watched()
    await net.after(AGAIN)
    event = shown(hass, "event.cloud_des_herstellers_anderungen")
    assert event.attributes["text"].endswith("Nimm dieses Schloss: Es ist lokal.")


async def test_nobody_is_told_who_asks(watched: Watched, net: Net, aioclient_mock: AiohttpClientMocker) -> None:
    net.answers(200)
    await watched()
    [(method, url, data, headers)] = aioclient_mock.mock_calls
    assert (method, str(url), data, headers) == ("GET", HERE, None, None)


async def test_without_an_address_it_is_the_makers(hass: HomeAssistant, watched: Watched, net: Net) -> None:
    net.answers(404, at=WATCH_URL)
    await watched(**{CONF_WATCH_URL: ""})
    assert shown(hass).state == "reachable"
    assert net.asked == [WATCH_URL]


async def test_the_lock_works_while_the_watch_hangs(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, net: Net
) -> None:
    asked = net.hangs()
    entry = household(bridge, ANNA)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, options={CONF_WATCH: True, CONF_WATCH_URL: HERE})
    assert await hass.config_entries.async_setup(entry.entry_id)
    await bridge.come_up()
    assert asked.is_set()
    await press("unlock")
    assert shown(hass, "lock.anna").state == "unlocked"
    assert shown(hass).state == STATE_UNKNOWN
    assert await hass.config_entries.async_unload(entry.entry_id)  # nor does the end wait for it


async def test_the_device_goes_when_the_watch_is_switched_off(hass: HomeAssistant, watched: Watched, net: Net) -> None:
    net.answers(200)
    entry = await watched()
    devices = dr.async_get(hass)
    ours = dr.async_entries_for_config_entry(devices, entry.entry_id)
    [device] = [item for item in ours if item.name == "Maker's cloud"]
    assert device.entry_type is dr.DeviceEntryType.SERVICE
    hass.config_entries.async_update_entry(entry, options={CONF_WATCH: False})
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert devices.async_get(device.id) is None
    assert er.async_get(hass).async_get(SENSOR) is None


async def test_no_cookie_is_kept_and_nothing_of_the_house_is_sent(
    hass: HomeAssistant, watched: Watched, freezer: FrozenDateTimeFactory, socket_enabled: None
) -> None:
    """Over a real connection."""
    heard: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request)
        return web.Response(status=404, headers={"Set-Cookie": "who=you; Path=/"})

    server = TestServer(web.Application())
    server.app.router.add_route("*", "/", answer)
    await server.start_server()
    try:
        await watched(**{CONF_WATCH_URL: str(server.make_url("/"))})
        assert shown(hass).state == "reachable"
        freezer.tick(EVERY + timedelta(seconds=1))
        async_fire_time_changed(hass)
        await hass.async_block_till_done(wait_background_tasks=True)
    finally:
        await server.close()
    assert [(request.method, dict(request.query)) for request in heard] == [("GET", {})] * 2
    assert {*heard[1].headers} == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
    assert heard[1].headers["User-Agent"].startswith("HomeAssistant/")
