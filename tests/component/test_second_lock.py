"""The second lock: another integration's, asked when no bridge hears the car, and only then."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, override

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.lock import LockEntity
from homeassistant.components.lock.const import DATA_COMPONENT
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Context, HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import MqttMockHAClient
from tests.component.conftest import Press, household
from tests.component.fake_bridge import ANNA, BERT, OTHER_CODE, FakeBridge

from custom_components.driveway import commands, delivery, lock, second_lock
from custom_components.driveway.broker import CALL_EVERY, CALLS_UNHEARD, Broker
from custom_components.driveway.const import CONF_ROUTE
from custom_components.driveway.contract import Command, Outcome
from custom_components.driveway.devices import cars_of
from custom_components.driveway.reasons import REASONS

OTHER = "lock.cloud"


class CloudLock(LockEntity):
    """Another integration's lock, which believes in what it sends."""

    _attr_name = "Cloud"
    _attr_should_poll = False
    _attr_is_locked = True

    def __init__(self) -> None:
        self.entity_id = OTHER
        self.calls: list[tuple[str, dict[str, Any], str | None]] = []
        self.answer: Callable[[], Any] = lambda: None
        """Called with each command; may raise, and may give what is to be waited for."""

    async def _take(self, service: str, kwargs: dict[str, Any]) -> None:
        self.calls.append((service, kwargs, self._context.user_id if self._context else None))
        if (waiting := self.answer()) is not None:
            await waiting
        self._attr_is_locked = service == "lock"
        self.async_write_ha_state()

    @override
    async def async_lock(self, **kwargs: Any) -> None:
        await self._take("lock", kwargs)

    @override
    async def async_unlock(self, **kwargs: Any) -> None:
        await self._take("unlock", kwargs)

    @callback
    def show(self, *, available: bool) -> None:
        self._attr_available = available
        self.async_write_ha_state()

    @property
    def asked(self) -> list[str]:
        return [service for service, _, _ in self.calls]


def name_second_lock(hass: HomeAssistant, entry: MockConfigEntry, entity_id: str) -> None:
    """What the owner does in the form."""
    subentry = cars_of(entry)[ANNA.id]
    hass.config_entries.async_update_subentry(entry, subentry, data={**subentry.data, CONF_ROUTE: entity_id})


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


@pytest.fixture
async def cloud(hass: HomeAssistant, bridge: FakeBridge) -> CloudLock:
    """The cloud's lock, and Anna set up with it as her second one; her bridge is there and hears her."""
    entry = household(bridge, ANNA)
    entry.add_to_hass(hass)
    name_second_lock(hass, entry, OTHER)
    await set_up(hass, entry)
    cloud = CloudLock()
    await hass.data[DATA_COMPONENT].async_add_entities([cloud])
    await bridge.come_up()
    return cloud


def anna(hass: HomeAssistant) -> State:
    state = hass.states.get("lock.anna")
    assert state is not None
    return state


def out_of_range(bridge: FakeBridge) -> None:
    bridge.end(Outcome.FAILED, "not_in_range")


async def test_the_bridge_goes_first(hass: HomeAssistant, cloud: CloudLock, bridge: FakeBridge, press: Press) -> None:
    await press("unlock")
    assert anna(hass).state == "unlocked"
    assert [command.command for command in bridge.commands] == ["unlock"]
    assert cloud.calls == []
    assert anna(hass).attributes["route"] is None  # the bridge did not tell its way
    assert anna(hass).attributes["second_lock_state"] == "locked"


async def test_where_no_bridge_hears_the_car_the_second_lock_does_it(
    hass: HomeAssistant, cloud: CloudLock, bridge: FakeBridge
) -> None:
    out_of_range(bridge)
    used = async_capture_events(hass, second_lock.EVENT_SECOND_LOCK)
    context = Context(user_id=None)
    await hass.services.async_call(
        "lock", "unlock", {"entity_id": "lock.anna", "code": "4711"}, blocking=True, context=context
    )
    assert cloud.asked == ["unlock"]
    assert anna(hass).attributes["route"] == "second_lock"
    [event] = used
    assert event.context is context
    assert event.data == {
        "car": ANNA.id,
        "command": "unlock",
        "second_lock": OTHER,
        "reason": "not_in_range",
    }


async def test_what_the_second_lock_says_is_not_what_the_car_said(
    hass: HomeAssistant, cloud: CloudLock, bridge: FakeBridge, press: Press
) -> None:
    out_of_range(bridge)
    await press("unlock")
    assert (anna(hass).state, anna(hass).attributes["second_lock_state"]) == (STATE_UNKNOWN, "unlocked")
    bridge.remembers(at=-3600.0, lock="locked")  # the bridge was restarted meanwhile: that is older
    assert anna(hass).state == STATE_UNKNOWN
    bridge.now += 60
    bridge.body(lock="unlocked")
    assert anna(hass).state == "unlocked"


async def call_over_the_broker(hass: HomeAssistant, freezer: FrozenDateTimeFactory, times: int) -> None:
    """The time passes in which Home Assistant says so often something that it then listens for."""
    for _ in range(times):
        freezer.tick(CALL_EVERY)
        async_fire_time_changed(hass)
        await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("away", ["broker", "broker that hangs", "bridge"])
async def test_without_a_bridge_the_second_lock_is_what_is_left(
    hass: HomeAssistant,
    cloud: CloudLock,
    bridge: FakeBridge,
    press: Press,
    mqtt_mock: MqttMockHAClient,
    freezer: FrozenDateTimeFactory,
    away: str,
) -> None:
    if away == "broker":
        mqtt_mock._mqttc.on_disconnect(None, None, 0, 0)
        await hass.async_block_till_done()
    elif away == "broker that hangs":
        await call_over_the_broker(hass, freezer, 1)
        carry = mqtt_mock._mqttc.publish.side_effect
        mqtt_mock._mqttc.publish.side_effect = lambda _topic, *args, **named: carry("nowhere", *args, **named)
        await call_over_the_broker(hass, freezer, CALLS_UNHEARD + 1)
    else:
        bridge.offline()
    assert anna(hass).state == STATE_UNKNOWN  # nobody hears the car now, and yet it can be locked
    await press("lock")
    assert cloud.asked == ["lock"]
    assert bridge.commands == []
    cloud.show(available=False)
    assert anna(hass).state == STATE_UNAVAILABLE
    assert anna(hass).attributes["second_lock_state"] is None
    with pytest.raises(HomeAssistantError) as caught:
        await press("lock")
    assert caught.value.translation_key == "second_lock_away"
    assert cloud.asked == ["lock"]


async def test_a_second_lock_that_is_away_leaves_what_the_car_said(
    hass: HomeAssistant, cloud: CloudLock, bridge: FakeBridge, press: Press
) -> None:
    cloud.show(available=False)
    out_of_range(bridge)
    with pytest.raises(HomeAssistantError, match=r"heard over Bluetooth.*second way, lock\.cloud, is not available"):
        await press("unlock")
    assert anna(hass).state == "locked"


async def test_both_ways_are_named_where_both_fail(
    hass: HomeAssistant, cloud: CloudLock, bridge: FakeBridge, press: Press
) -> None:
    def fail() -> None:
        raise ConnectionResetError("503 Service Unavailable")

    hass.config.language = "de"
    out_of_range(bridge)
    cloud.answer = fail
    with pytest.raises(HomeAssistantError) as caught:
        await press("unlock")
    assert caught.value.translation_key == "second_lock_failed"
    placeholders = caught.value.translation_placeholders
    assert placeholders is not None
    assert placeholders["why"].startswith("Anna: Das Auto war über Bluetooth nicht zu hören")
    assert (placeholders["lock"], placeholders["error"]) == ("Cloud", "503 Service Unavailable")
    assert anna(hass).state == STATE_UNKNOWN  # it may have got there all the same


async def test_a_cloud_that_hangs_is_given_up(
    hass: HomeAssistant, cloud: CloudLock, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_lock, "ANSWERS_WITHIN_S", 0.05)
    out_of_range(bridge)
    cloud.answer = asyncio.Event().wait
    with pytest.raises(HomeAssistantError) as caught:
        await press("lock")
    assert caught.value.translation_key == "second_lock_silent"
    assert anna(hass).state == STATE_UNKNOWN


async def test_the_later_press_comes_later(
    hass: HomeAssistant, cloud: CloudLock, bridge: FakeBridge, press: Press
) -> None:
    """A cloud takes its time, and may take two commands in any order."""
    asked, answered = asyncio.Event(), asyncio.Event()

    def dawdle() -> Coroutine[Any, Any, Any]:
        asked.set()
        return answered.wait()

    out_of_range(bridge)
    cloud.answer = dawdle
    unlocking = hass.async_create_task(press("unlock"))
    await asked.wait()
    locking = hass.async_create_task(press("lock"))
    for _ in range(100):  # more turns of the loop than the second press needs to get as far as the first
        await asyncio.sleep(0)
    assert len(bridge.commands) == 2
    assert cloud.asked == ["unlock"]
    answered.set()
    await unlocking
    await locking
    assert cloud.asked == ["unlock", "lock"]


async def test_a_press_that_had_to_wait_too_long_is_not_carried_out_late(
    hass: HomeAssistant, cloud: CloudLock, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    def dawdle() -> Coroutine[Any, Any, Any]:
        asked.set()
        return answered.wait()

    out_of_range(bridge)
    cloud.answer = dawdle
    locking = hass.async_create_task(press("lock"))
    await asked.wait()
    monkeypatch.setattr(second_lock, "LOCK_TTL_S", 0.05)
    with pytest.raises(HomeAssistantError) as caught:
        await press("unlock")
    assert caught.value.translation_key == "second_lock_silent"
    answered.set()
    await locking
    assert cloud.asked == ["lock"]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.REFUSED, "closures_open"),
        (Outcome.REFUSED, "valet_mode"),
        (Outcome.REFUSED, "key_not_enrolled"),
        (Outcome.UNCONFIRMED, "no_answer"),
        (Outcome.UNCONFIRMED, "link_lost"),
        (Outcome.FAILED, "superseded"),
        (Outcome.FAILED, "bad_signature"),
        (Outcome.EXPIRED, "expired"),
    ],
)
async def test_not_after_the_cars_own_word_nor_after_an_unknown_fate(
    cloud: CloudLock, bridge: FakeBridge, press: Press, outcome: Outcome, reason: str
) -> None:
    bridge.end(outcome, reason)
    with pytest.raises(HomeAssistantError) as caught:
        await press("unlock")
    assert caught.value.translation_key == reason
    assert cloud.calls == []


async def test_not_when_the_bridge_vanished_with_the_command(
    cloud: CloudLock, bridge: FakeBridge, press: Press
) -> None:
    bridge.on_command = lambda _command: bridge.offline()
    with pytest.raises(HomeAssistantError) as caught:
        await press("unlock")
    assert caught.value.translation_key == "bridge_away"
    assert cloud.calls == []


async def test_where_the_bridge_vanished_before_the_command_the_second_lock_does_it(
    cloud: CloudLock, bridge: FakeBridge, press: Press
) -> None:
    """It was only asked for its clock yet."""
    bridge.offline()
    bridge.online()
    bridge.on_clock_request = bridge.offline
    await press("unlock")
    assert bridge.commands == []
    assert cloud.asked == ["unlock"]


async def test_what_a_lost_bridge_may_still_begin_with_cannot_come_after(
    cloud: CloudLock, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unlock whose fate is not known lives for seconds; a lock through the cloud must be the later one."""
    lives_s = 0.6
    monkeypatch.setattr(lock, "OPENS_TTL_S", lives_s)
    now, asked_at = asyncio.get_running_loop().time, []
    cloud.answer = lambda: asked_at.append(now())
    bridge.on_command = lambda _command: bridge.offline()
    given_at = now()
    with pytest.raises(HomeAssistantError):
        await press("unlock")
    await press("lock")
    assert cloud.asked == ["lock"]
    assert asked_at[0] - given_at >= lives_s


async def test_what_is_still_under_way_when_the_broker_hangs_cannot_come_after(
    hass: HomeAssistant, cloud: CloudLock, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge has an unlock and may yet begin with it; nobody has given that up."""
    lives_s = 0.6
    monkeypatch.setattr(lock, "OPENS_TTL_S", lives_s)
    now, asked_at = asyncio.get_running_loop().time, []
    cloud.answer = lambda: asked_at.append(now())
    bridge.on_command = bridge.accept
    given_at = now()
    unlocking = hass.async_create_task(press("unlock"))
    await bridge.asked.wait()
    monkeypatch.setattr(Broker, "there", False)
    await press("lock")
    assert cloud.asked == ["lock"]
    assert asked_at[0] - given_at >= lives_s
    assert not unlocking.done()
    bridge.offline()
    with pytest.raises(HomeAssistantError):
        await unlocking


async def test_of_two_presses_that_wait_for_a_lost_bridge_the_later_one_counts(
    cloud: CloudLock, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "OPENS_TTL_S", 0.6)
    bridge.on_command = lambda _command: bridge.offline()
    with pytest.raises(HomeAssistantError):
        await press("lock")
    ends = await asyncio.gather(press("unlock"), press("lock"), return_exceptions=True)
    assert [getattr(end, "translation_key", None) for end in ends] == ["superseded", None]
    assert cloud.asked == ["lock"]


async def test_a_press_that_waits_does_not_come_after_a_later_one(
    hass: HomeAssistant, cloud: CloudLock, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile the bridge is there again, and has locked."""
    monkeypatch.setattr(lock, "OPENS_TTL_S", 2.0)
    bridge.on_command = lambda _command: bridge.offline()
    with pytest.raises(HomeAssistantError):
        await press("unlock")
    unlocking = hass.async_create_task(press("unlock"))
    await asyncio.sleep(0.05)
    bridge.on_command = bridge.confirm
    bridge.now += 60
    bridge.online()
    bridge.tell_clock()
    await press("lock")
    with pytest.raises(HomeAssistantError) as caught:
        await unlocking
    assert caught.value.translation_key == "superseded"
    assert cloud.asked == []
    assert anna(hass).state == "locked"


async def test_with_two_bridges_all_have_to_be_out_of_reach(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (commands, delivery):
        monkeypatch.setattr(module, "ACCEPTED_WITHIN_S", 0.5)
    garage = FakeBridge(hass, name="Garage", code=OTHER_CODE, bridge="bridge-2")
    await garage.listen()
    entry = household([bridge, garage], ANNA)
    entry.add_to_hass(hass)
    name_second_lock(hass, entry, OTHER)
    await set_up(hass, entry)
    cloud = CloudLock()
    await hass.data[DATA_COMPONENT].async_add_entities([cloud])
    for one in (bridge, garage):
        await one.come_up()
    out_of_range(bridge)
    garage.end(Outcome.REFUSED, "not_permitted")  # that one heard the car, which said no
    with pytest.raises(HomeAssistantError):
        await press("unlock")
    assert cloud.calls == []
    garage.end(Outcome.FAILED, "places_full")
    await press("unlock")
    assert cloud.asked == ["unlock"]


async def test_a_second_lock_that_leads_back_to_ours_does_not_run_in_circles(
    hass: HomeAssistant, cloud: CloudLock, bridge: FakeBridge, press: Press
) -> None:
    out_of_range(bridge)
    cloud.answer = lambda: press("unlock")  # as a group of locks would that has both in it
    with pytest.raises(HomeAssistantError) as caught:
        await press("unlock")
    assert caught.value.translation_key == "second_lock_failed"
    assert cloud.asked == ["unlock"]
    assert len(bridge.commands) == 2
    cloud.answer = lambda: None
    await press("unlock")  # and it can be used again
    assert cloud.asked == ["unlock", "unlock"]


async def test_a_lock_of_our_own_is_no_second_one(hass: HomeAssistant, bridge: FakeBridge, press: Press) -> None:
    bridge.announce(cars=(ANNA, BERT))
    entry = household(bridge, ANNA, BERT)
    entry.add_to_hass(hass)
    name_second_lock(hass, entry, "lock.bert")
    await set_up(hass, entry)
    await bridge.come_up()
    assert er.async_get(hass).async_get("lock.bert") is not None
    assert "second_lock_state" not in anna(hass).attributes
    out_of_range(bridge)
    with pytest.raises(HomeAssistantError) as caught:
        await press("unlock")
    assert caught.value.translation_key == "not_in_range"
    assert [command.car for command in bridge.commands] == [ANNA.id]


async def test_without_a_second_lock_all_is_as_ever(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, press: Press
) -> None:
    out_of_range(bridge)
    with pytest.raises(HomeAssistantError) as caught:
        await press("unlock")
    assert caught.value.translation_key == "not_in_range"
    assert "second_lock_state" not in anna(hass).attributes
    assert anna(hass).state == "locked"


async def test_the_route_of_a_bridge_is_shown(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, press: Press
) -> None:
    def confirm(command: Command) -> None:
        bridge.body(lock="unlocked")
        bridge.result(command, Outcome.CONFIRMED, "done", route="bluetooth")

    bridge.on_command = confirm
    await press("unlock")
    assert anna(hass).attributes["route"] == "bluetooth"


def test_reasons_are_reasons() -> None:
    assert REASONS.keys() >= second_lock.OUT_OF_REACH
