"""The lock: pressed, signed, carried out, and shown only as the car reports it."""

import asyncio
import time
from collections.abc import Callable

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.lock.const import LockState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_state_change_event
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import MqttMockHAClient
from tests.component.conftest import Press
from tests.component.fake_bridge import ANNA, FakeBridge

from custom_components.driveway import commands, lock
from custom_components.driveway.contract import Command, Outcome, Result

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def shown(hass: HomeAssistant) -> list[str]:
    """The states that the lock goes through."""
    states: list[str] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        old, new = event.data["old_state"], event.data["new_state"]
        if new and (old is None or new.state != old.state):  # the age of it is an attribute
            states.append(new.state)

    async_track_state_change_event(hass, "lock.anna", note)
    return states


def state(hass: HomeAssistant) -> str:
    current = hass.states.get("lock.anna")
    assert current is not None
    return current.state


async def test_unlocked_from_home_assistant(bridge: FakeBridge, press: Press, shown: list[str]) -> None:
    bridge.now = 1007.0
    bridge.tell_clock()
    await press("unlock")
    assert shown == [LockState.UNLOCKING, LockState.UNLOCKED]
    [command] = bridge.commands  # its signature was verified when it arrived
    assert (command.car, command.command, command.arguments) == (ANNA.id, "unlock", {})
    assert (command.client, command.boot) == (bridge.signer.client, "boot1")
    assert 3.0 < command.ttl <= 5.0
    assert 1007.0 <= command.issued < 1017.0


async def test_locked_from_home_assistant(bridge: FakeBridge, press: Press, shown: list[str]) -> None:
    bridge.body(lock="unlocked")
    await press("lock")
    assert shown == [LockState.UNLOCKED, LockState.LOCKING, LockState.LOCKED]


async def test_commands_expire_at_the_broker_too(bridge: FakeBridge, press: Press, mqtt_mock: MqttMockHAClient) -> None:
    mqtt_mock.async_publish.reset_mock()
    await press("unlock")
    said = mqtt_mock.async_publish.call_args_list
    [call] = [one for one in said if one.args[0] == bridge.topics.command(ANNA.id)]  # the echo is said now and then
    assert call.args[2:] == (0, False)
    assert call.kwargs == {"message_expiry_interval": 5}


@pytest.mark.parametrize("mqtt_config_entry_data", [{"broker": "mock-broker", "protocol": "3.1.1"}])
async def test_a_broker_that_knows_no_expiry(hass: HomeAssistant, press: Press) -> None:
    await press("unlock")
    assert state(hass) == LockState.UNLOCKED


async def test_shown_as_unlocking_until_the_car_reports_it(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, shown: list[str]
) -> None:
    """Pain 85."""
    bridge.end(Outcome.CONFIRMED, "done")
    pressed = hass.async_create_task(press("unlock"))
    await asyncio.sleep(0.05)
    bridge.link(reachable=True)  # something else changes meanwhile
    assert not pressed.done()
    assert state(hass) == LockState.UNLOCKING
    bridge.body(lock="unlocked")
    await pressed
    assert shown == [LockState.UNLOCKING, LockState.UNLOCKED]


async def test_confirmed_but_never_reported(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "SHOWN_WITHIN_S", 0.05)
    bridge.end(Outcome.CONFIRMED, "done")
    await press("unlock")
    assert state(hass) == LockState.LOCKED  # the last that the car said; nothing is claimed in its name


async def test_locking_what_is_locked(bridge: FakeBridge, press: Press, shown: list[str]) -> None:
    bridge.end(Outcome.CONFIRMED, "already_so")
    await press("lock")
    assert shown == [LockState.LOCKING, LockState.LOCKED]


@pytest.mark.parametrize(
    ("outcome", "reason", "message"),
    [
        (Outcome.FAILED, "not_in_range", "Anna: The car was not heard over Bluetooth. Is it parked near the bridge?"),
        (Outcome.REFUSED, "closures_open", "Anna: A door or lid is open. Close it and try again"),
        (Outcome.REFUSED, "role_forbids", "Anna: This bridge's key has a role that may not do that. Pair the bridge"),
        (Outcome.UNCONFIRMED, "gave_way", "Anna: It was interrupted for a lock command, and may have been carried out"),
        (Outcome.REFUSED, "bad_signature", "Anna: The signature is wrong. Give the sender the bridge's code again"),
        (Outcome.UNCONFIRMED, "no_answer", "Anna: The car did not answer in time. Look at the car"),
        (Outcome.EXPIRED, "expired", "Anna: The command was too old"),
        (Outcome.FAILED, "superseded", "Anna: A later command took its place before it was sent"),
        (Outcome.UNCONFIRMED, None, "Anna: The car did not answer in time"),
        (Outcome.FAILED, None, "Anna: The bridge gave a reason that this version does not know: failed"),
        (Outcome.REFUSED, "eaten_by_a_dog", "Anna: The bridge gave a reason that this version does not know: eaten_by"),
        (Outcome.REFUSED, "done", "Anna: The bridge gave a reason that this version does not know: done"),
    ],
)
async def test_not_confirmed(
    bridge: FakeBridge, press: Press, shown: list[str], outcome: Outcome, reason: str | None, message: str
) -> None:
    """Pains 24, 126."""
    bridge.end(outcome, reason)
    with pytest.raises(HomeAssistantError) as raised:
        await press("unlock")
    assert str(raised.value).startswith(message)
    assert raised.value.translation_domain == "driveway"
    assert shown == [LockState.UNLOCKING, LockState.LOCKED]


async def test_a_bridge_that_does_not_answer(
    bridge: FakeBridge, press: Press, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "ACCEPTED_WITHIN_S", 0.05)
    bridge.on_command = bridge.ignore
    with pytest.raises(HomeAssistantError, match="The bridge did not answer"):
        await press("unlock")
    assert shown == [LockState.UNLOCKING, LockState.LOCKED]


async def test_a_bridge_that_takes_the_command_and_says_no_more(
    bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "ENDED_WITHIN_S", 0.05)
    bridge.on_command = bridge.accept
    with pytest.raises(HomeAssistantError, match="The car did not answer in time"):
        await press("unlock")


async def test_an_accepted_command_is_given_more_time(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "ACCEPTED_WITHIN_S", 0.05)
    bridge.on_command = bridge.accept
    pressed = hass.async_create_task(press("unlock"))
    await asyncio.sleep(0.2)
    assert not pressed.done()
    bridge.confirm(bridge.commands[0])
    await pressed
    assert state(hass) == LockState.UNLOCKED


@pytest.mark.parametrize("what", ["clock", "word"])
async def test_what_came_while_home_assistant_stalled_is_heard(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The bridge has answered in time. It is heard with the end of the stall, as is that the time is over."""
    limit_s = 0.05

    def stall(then: Callable[[], None]) -> None:
        time.sleep(2 * limit_s)
        hass.loop.call_soon(then)  # with all that is due, and before it

    def after_a_stall(then: Callable[[], None]) -> None:
        hass.loop.call_soon(hass.loop.call_soon, stall, then)  # when somebody waits for it

    if what == "clock":
        monkeypatch.setattr(commands, "CLOCK_LASTS_S", -1.0)
        monkeypatch.setattr(commands, "CLOCK_WITHIN_S", limit_s)
        bridge.on_clock_request = lambda: after_a_stall(bridge.tell_clock)
    else:
        monkeypatch.setattr(commands, "ACCEPTED_WITHIN_S", limit_s)
        bridge.on_command = lambda command: after_a_stall(lambda: bridge.confirm(command))
    await press("unlock")
    assert state(hass) == LockState.UNLOCKED


async def test_a_frozen_broker(
    hass: HomeAssistant, press: Press, mqtt_mock: MqttMockHAClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "ACCEPTED_WITHIN_S", 0.05)

    async def hang(*_args: object, **_kwargs: object) -> None:
        await asyncio.Event().wait()

    mqtt_mock.async_publish.side_effect = hang
    with pytest.raises(HomeAssistantError, match="The bridge did not answer"):
        await press("unlock")


async def test_a_broker_that_goes_away_in_the_very_moment(press: Press, mqtt_mock: MqttMockHAClient) -> None:
    mqtt_mock.async_publish.side_effect = HomeAssistantError("no connection")
    with pytest.raises(HomeAssistantError, match="The MQTT broker does not answer"):
        await press("unlock")


async def test_stored_results_count_for_nothing(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pain 83."""
    monkeypatch.setattr(commands, "ACCEPTED_WITHIN_S", 0.05)
    bridge.on_command = lambda command: bridge.result(command, Outcome.CONFIRMED, "done", retain=True)
    with pytest.raises(HomeAssistantError, match="The bridge did not answer"):
        await press("unlock")


async def test_another_bridge_cannot_answer(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "ACCEPTED_WITHIN_S", 0.05)

    def answered_by_another(command: Command) -> None:
        coordinator = hass.config_entries.async_entries("driveway")[0].runtime_data
        coordinator.commands.hear_result("bridge-other", Result(id=command.id, outcome=Outcome.CONFIRMED))

    bridge.on_command = answered_by_another
    with pytest.raises(HomeAssistantError, match="The bridge did not answer"):
        await press("unlock")


async def test_a_clock_that_is_too_old_is_asked_for_anew(
    bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "CLOCK_LASTS_S", -1.0)
    bridge.now = 2000.0
    await press("unlock")
    assert bridge.clock_requests == 1
    assert 2000.0 <= bridge.commands[0].issued < 2010.0


async def test_a_bridge_that_tells_no_clock_gets_no_command(
    bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "CLOCK_LASTS_S", -1.0)
    monkeypatch.setattr(commands, "CLOCK_WITHIN_S", 0.05)
    bridge.answers_clock = False
    with pytest.raises(HomeAssistantError, match="The bridge did not answer"):
        await press("unlock")
    assert bridge.commands == []


async def test_a_second_press_the_other_way(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, shown: list[str]
) -> None:
    """Both are sent, the last one is shown, and the end of the first does not hide it."""
    bridge.on_command = bridge.accept
    first = hass.async_create_task(press("unlock"))
    await asyncio.sleep(0.01)
    second = hass.async_create_task(press("lock"))
    await asyncio.sleep(0.01)
    unlock, relock = bridge.commands
    assert state(hass) == LockState.LOCKING
    bridge.result(unlock, Outcome.FAILED, "superseded")
    with pytest.raises(HomeAssistantError, match="A later command took its place"):
        await first
    assert state(hass) == LockState.LOCKING
    bridge.confirm(relock)
    await second
    assert shown == [LockState.UNLOCKING, LockState.LOCKING, LockState.LOCKED]


async def test_the_same_button_twice(hass: HomeAssistant, bridge: FakeBridge, press: Press, shown: list[str]) -> None:
    bridge.on_command = bridge.accept
    pressed = [hass.async_create_task(press("unlock")) for _ in range(2)]
    await asyncio.sleep(0.01)
    first, second = bridge.commands
    assert first.id != second.id
    bridge.confirm(first)
    await pressed[0]
    assert state(hass) == LockState.UNLOCKING  # the second is still under way
    bridge.result(second, Outcome.CONFIRMED, "already_so")
    await pressed[1]
    assert shown == [LockState.UNLOCKING, LockState.UNLOCKED]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("locked", LockState.LOCKED),
        ("internal_locked", LockState.LOCKED),
        ("unlocked", LockState.UNLOCKED),
        ("selective_unlocked", LockState.UNLOCKED),
        (None, STATE_UNKNOWN),
        ("ajar", STATE_UNKNOWN),
        (True, STATE_UNKNOWN),
    ],
)
async def test_what_the_car_reports(
    hass: HomeAssistant, bridge: FakeBridge, told: str | bool | None, expected: str
) -> None:
    bridge.body(lock=told)
    assert state(hass) == expected


async def test_what_the_bridge_remembers_is_shown_with_its_age(
    hass: HomeAssistant, bridge: FakeBridge, freezer: FrozenDateTimeFactory
) -> None:
    """A bridge that starts anew knows what the car said before, and neither it nor we take that for news."""
    freezer.move_to("2026-11-22T17:00:00+00:00")
    bridge.announce(boot="boot2")
    bridge.now = 10.0
    bridge.tell_clock()
    bridge.remembers(at=-3590.0, lock="unlocked")
    assert state(hass) == LockState.UNLOCKED
    assert heard(hass) == ("2026-11-22T16:00:00+00:00", "memory")
    bridge.remembers(at=None, lock="unlocked")
    assert state(hass) == LockState.UNLOCKED
    assert heard(hass) == (None, "memory")
    bridge.body(lock="unlocked")
    assert heard(hass) == ("2026-11-22T17:00:00+00:00", "push")


def heard(hass: HomeAssistant) -> tuple[str | None, str | None]:
    """When the state was heard from the car, and how."""
    current = hass.states.get("lock.anna")
    assert current is not None
    at = current.attributes["heard_at"]
    return at and at.isoformat(), current.attributes["source"]


async def test_a_memory_is_no_report_of_what_was_just_done(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A confirmation waits for the car's own word; a bridge that restarts meanwhile has no such word."""
    monkeypatch.setattr(lock, "SHOWN_WITHIN_S", 0.2)
    bridge.end(Outcome.CONFIRMED, "done")
    pressed = hass.async_create_task(press("unlock"))
    await asyncio.sleep(0.01)
    bridge.remembers(at=-60.0, lock="unlocked")
    await asyncio.sleep(0.05)
    assert not pressed.done()
    assert state(hass) == LockState.UNLOCKING
    await pressed
    assert state(hass) == LockState.UNLOCKED


async def test_stations_on_the_way(hass: HomeAssistant, bridge: FakeBridge, press: Press, shown: list[str]) -> None:
    """However many stations a command has, only its end ends it."""
    bridge.on_command = bridge.accept
    pressed = hass.async_create_task(press("unlock"))
    await asyncio.sleep(0.01)
    [command] = bridge.commands
    for outcome, stage in (
        (Outcome.ACCEPTED, "connecting"),
        (Outcome.ACCEPTED, "a_stage_of_tomorrow"),
        (Outcome.SENT, "sent"),
        (Outcome.SENT, "verifying"),
    ):
        bridge.result(command, outcome, stage=stage)
        await asyncio.sleep(0)
        assert not pressed.done()
    bridge.confirm(command)
    await pressed
    assert shown == [LockState.UNLOCKING, LockState.UNLOCKED]


async def test_a_car_out_of_range_can_still_be_commanded(hass: HomeAssistant, bridge: FakeBridge, press: Press) -> None:
    """Pain 20."""
    bridge.link(reachable=False, why_not="not_in_range")
    assert state(hass) == LockState.LOCKED
    bridge.end(Outcome.FAILED, "not_in_range")
    with pytest.raises(HomeAssistantError, match="not heard over Bluetooth"):
        await press("unlock")


async def test_the_bridge_goes_away_while_a_command_is_under_way(
    hass: HomeAssistant, bridge: FakeBridge, press: Press
) -> None:
    bridge.on_command = bridge.accept
    pressed = hass.async_create_task(press("unlock"))
    await asyncio.sleep(0.01)
    bridge.offline()
    with pytest.raises(HomeAssistantError, match="The bridge is not running"):
        await pressed
    assert state(hass) == STATE_UNAVAILABLE


async def test_the_broker_goes_away_while_a_command_is_under_way(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, mqtt_mock: MqttMockHAClient
) -> None:
    bridge.on_command = bridge.accept
    pressed = hass.async_create_task(press("unlock"))
    await asyncio.sleep(0.01)
    mqtt_mock._mqttc.on_disconnect(None, None, 0, 0)
    with pytest.raises(HomeAssistantError, match="The MQTT broker does not answer"):
        await pressed
    assert state(hass) == STATE_UNAVAILABLE


async def test_a_command_with_the_broker_away_fails_at_once(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, mqtt_mock: MqttMockHAClient
) -> None:
    """Home Assistant does not pass commands on to unavailable entities, so this is what a race would meet."""
    mqtt_mock.connected = False
    async with asyncio.timeout(0.2):
        with pytest.raises(HomeAssistantError, match="The MQTT broker does not answer"):
            await home.runtime_data.async_command(ANNA.id, "unlock")
    assert bridge.commands == []


async def test_a_command_with_the_bridge_away_fails_at_once(home: MockConfigEntry, bridge: FakeBridge) -> None:
    bridge.offline()
    async with asyncio.timeout(0.2):
        with pytest.raises(HomeAssistantError, match="The bridge is not running"):
            await home.runtime_data.async_command(ANNA.id, "unlock")
    assert bridge.commands == []


async def test_a_command_for_a_car_that_nobody_serves(home: MockConfigEntry) -> None:
    with pytest.raises(HomeAssistantError, match="car-00000000: The bridge is not running"):
        await home.runtime_data.async_command("car-00000000", "unlock")


@pytest.mark.parametrize("service", ["lock", "unlock"])
async def test_no_press_is_passed_over_while_the_bridge_is_away(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, service: str
) -> None:
    """Home Assistant says that all went well when it has not even called what is unavailable."""
    bridge.offline()
    assert state(hass) == STATE_UNAVAILABLE
    with pytest.raises(HomeAssistantError) as refused:
        await press(service)
    assert refused.value.translation_key == "bridge_away"
    assert not bridge.commands
    assert state(hass) == STATE_UNAVAILABLE


async def test_no_press_is_passed_over_while_the_broker_is_away(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, mqtt_mock: MqttMockHAClient
) -> None:
    mqtt_mock._mqttc.on_disconnect(None, None, 0, 0)
    await hass.async_block_till_done()
    mqtt_mock.connected = False
    assert state(hass) == STATE_UNAVAILABLE
    with pytest.raises(HomeAssistantError) as refused:
        await press("lock")
    assert refused.value.translation_key == "broker_away"
