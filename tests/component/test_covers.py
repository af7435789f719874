"""Lids, windows and roof: opened and closed as the car reports it, and never the wrong way round."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from homeassistant.components.cover.const import CoverEntityFeature, CoverState
from homeassistant.const import STATE_ON, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError, ServiceNotSupported
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import MqttMockHAClient
from tests.component.command_table import TABLE, check
from tests.component.fake_bridge import ANNA, FakeBridge

from custom_components.driveway import cover
from custom_components.driveway.contract import Command, Outcome
from custom_components.driveway.state import WINDOWS as EACH_WINDOW

pytestmark = pytest.mark.usefixtures("everything")

TRUNK, FRUNK, PORT = "cover.anna_trunk", "cover.anna_frunk", "cover.anna_charge_port"
WINDOWS, SUNROOF, BED = "cover.anna_windows", "cover.anna_sunroof", "cover.anna_bed_cover"
OPEN_WINDOW = "front_driver_window_open"

Move = Callable[[str, str], Coroutine[Any, Any, None]]


@pytest.fixture
def move(hass: HomeAssistant) -> Move:
    """Call a service of a cover, as a dashboard does."""

    async def move(service: str, entity_id: str) -> None:
        await hass.services.async_call("cover", service, {"entity_id": entity_id}, blocking=True)

    return move


def state(hass: HomeAssistant, entity_id: str) -> State:
    current = hass.states.get(entity_id)
    assert current is not None, entity_id
    return current


def shown(hass: HomeAssistant, entity_id: str) -> list[str]:
    """The states that a cover goes through from now on."""
    states: list[str] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        old, new = event.data["old_state"], event.data["new_state"]
        if new and (old is None or new.state != old.state):
            states.append(new.state)

    async_track_state_change_event(hass, entity_id, note)
    return states


def names(bridge: FakeBridge) -> list[str]:
    return [check(command)[0] for command in bridge.commands]


def windows(**changes: bool | None) -> dict[str, Any]:
    return {f"{window}_window_open": False for window in EACH_WINDOW} | changes


async def test_the_trunk_is_opened_and_closed(hass: HomeAssistant, bridge: FakeBridge, move: Move) -> None:
    bridge.body(rear_trunk="closed")
    states = shown(hass, TRUNK)
    bridge.obey(rear_trunk="open")
    await move("open_cover", TRUNK)
    bridge.obey(rear_trunk="closed")
    await move("close_cover", TRUNK)
    assert states == [CoverState.OPENING, CoverState.OPEN, CoverState.CLOSING, CoverState.CLOSED]
    assert names(bridge) == ["status", "trunk_open", "trunk_close"]
    assert all(command.ttl <= 5 for command in bridge.commands)


@pytest.mark.parametrize("told", ["open", "ajar", "opening"])
@pytest.mark.parametrize("entity_id", [TRUNK, FRUNK])
async def test_a_lid_that_was_opened_by_hand_meanwhile_does_not_close(
    hass: HomeAssistant, bridge: FakeBridge, move: Move, entity_id: str, told: str
) -> None:
    """A powered lid that is open closes when it is told to open."""
    bridge.body(rear_trunk="closed", front_trunk="closed")

    def look(command: Command) -> None:
        bridge.body(rear_trunk=told, front_trunk=told)
        bridge.confirm(command)

    bridge.on_command = look
    await move("open_cover", entity_id)
    assert names(bridge) == ["status"]
    assert state(hass, entity_id).state != CoverState.CLOSED


async def test_pressed_twice_it_is_opened_once(hass: HomeAssistant, bridge: FakeBridge, move: Move) -> None:
    bridge.body(rear_trunk="closed")
    bridge.obey(rear_trunk="opening")
    await asyncio.gather(move("open_cover", TRUNK), move("open_cover", TRUNK))
    assert names(bridge) == ["status", "trunk_open", "status"]
    assert state(hass, TRUNK).state == CoverState.OPENING


async def test_a_lid_that_closes_is_left_alone(hass: HomeAssistant, bridge: FakeBridge, move: Move) -> None:
    bridge.body(rear_trunk="closing")
    with pytest.raises(HomeAssistantError, match="Anna: The car is busy"):
        await move("open_cover", TRUNK)
    assert names(bridge) == ["status"]
    assert state(hass, TRUNK).state == CoverState.CLOSING


@pytest.mark.parametrize("told", [{}, {"rear_trunk": None}, {"rear_trunk": "failed_unlatch"}])
async def test_a_lid_of_which_nobody_says_that_it_is_open_is_opened(
    bridge: FakeBridge, move: Move, told: dict[str, Any]
) -> None:
    bridge.body(**told)
    bridge.obey(rear_trunk="open")
    await move("open_cover", TRUNK)
    assert names(bridge) == ["status", "trunk_open"]


async def test_without_a_look_the_trunk_stays_as_it_is(bridge: FakeBridge, move: Move) -> None:
    bridge.end(Outcome.FAILED, "not_in_range")
    with pytest.raises(HomeAssistantError, match="Anna: The car was not heard"):
        await move("open_cover", TRUNK)
    assert names(bridge) == ["status"]


async def test_a_lid_without_a_motor_stays_open(hass: HomeAssistant, bridge: FakeBridge, move: Move) -> None:
    bridge.body(rear_trunk="open")
    states = shown(hass, TRUNK)
    bridge.end(Outcome.REFUSED, "not_supported_by_car")
    with pytest.raises(HomeAssistantError, match="Anna: The car cannot do that"):
        await move("close_cover", TRUNK)
    assert states == [CoverState.CLOSING, CoverState.OPEN]


async def test_only_a_hand_closes_the_frunk(hass: HomeAssistant, bridge: FakeBridge, move: Move) -> None:
    assert state(hass, FRUNK).attributes["supported_features"] == CoverEntityFeature.OPEN
    for service in ("close_cover", "toggle", "stop_cover"):
        with pytest.raises(ServiceNotSupported):
            await move(service, FRUNK)
    assert bridge.commands == []


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("closed", CoverState.CLOSED),
        ("open", CoverState.OPEN),
        ("ajar", CoverState.OPEN),
        ("failed_unlatch", CoverState.OPEN),
        ("torn_off", CoverState.OPEN),
        ("opening", CoverState.OPENING),
        ("closing", CoverState.CLOSING),
        (None, STATE_UNKNOWN),
        (3, STATE_UNKNOWN),
    ],
)
async def test_what_the_car_says_of_its_lids(
    hass: HomeAssistant, bridge: FakeBridge, told: object, expected: str
) -> None:
    bridge.body(rear_trunk=told, front_trunk=told, charge_port=told)
    assert {state(hass, entity_id).state for entity_id in (TRUNK, FRUNK, PORT)} == {expected}


async def test_the_windows_are_closed_only_if_all_are(hass: HomeAssistant, bridge: FakeBridge) -> None:
    assert state(hass, WINDOWS).state == STATE_UNKNOWN
    bridge.tell_state("closures", **windows())
    assert state(hass, WINDOWS).state == CoverState.CLOSED
    bridge.tell_state("closures", **windows(front_passenger_window_open=None))
    assert state(hass, WINDOWS).state == STATE_UNKNOWN
    bridge.tell_state("closures", **windows(front_passenger_window_open=None, rear_driver_window_open=True))
    assert state(hass, WINDOWS).state == CoverState.OPEN
    assert "current_position" not in state(hass, WINDOWS).attributes


async def test_the_windows_are_opened_a_little_and_closed(hass: HomeAssistant, bridge: FakeBridge, move: Move) -> None:
    bridge.tell_state("closures", **windows())
    states = shown(hass, WINDOWS)
    bridge.obey("closures", **windows(front_driver_window_open=True))
    await move("open_cover", WINDOWS)
    bridge.obey("closures", **windows())
    await move("close_cover", WINDOWS)
    assert states == [CoverState.OPENING, CoverState.OPEN, CoverState.CLOSING, CoverState.CLOSED]
    assert names(bridge) == ["windows_vent", "windows_close"]
    # To close them the car may have to be woken first, which takes longer than a command lives that opens.
    assert [command.ttl > 5 for command in bridge.commands] == [False, True]


async def test_a_confirmation_without_a_report(
    hass: HomeAssistant, bridge: FakeBridge, move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cover, "SHOWN_WITHIN_S", 0.05)
    bridge.tell_state("closures", **windows())
    states = shown(hass, WINDOWS)
    await move("open_cover", WINDOWS)
    assert states == [CoverState.OPENING, CoverState.CLOSED]


async def test_the_report_is_waited_for(hass: HomeAssistant, bridge: FakeBridge, move: Move) -> None:
    bridge.tell_state("closures", **windows())
    moving = hass.async_create_task(move("open_cover", WINDOWS))
    await bridge.asked.wait()
    bridge.tell_state("closures", **windows())  # read too early: nothing has moved yet
    assert state(hass, WINDOWS).state == CoverState.OPENING
    assert not moving.done()
    bridge.tell_state("closures", **windows(front_driver_window_open=True))
    await moving
    assert state(hass, WINDOWS).state == CoverState.OPEN


async def test_a_sleeping_car_wakes_up_first(hass: HomeAssistant, bridge: FakeBridge, move: Move) -> None:
    """The bridge wakes it, and throws the command away that got too old meanwhile: it is given anew."""
    bridge.tell_state("closures", **windows())
    states = shown(hass, WINDOWS)

    def wake(command: Command) -> None:
        if len(bridge.commands) == 3:
            bridge.tell_state("closures", **windows(front_driver_window_open=True))
            bridge.confirm(command)
            return
        bridge.result(command, Outcome.ACCEPTED, stage="waking")
        bridge.result(command, Outcome.EXPIRED, "expired")

    bridge.on_command = wake
    await move("open_cover", WINDOWS)
    assert names(bridge) == ["windows_vent"] * 3
    assert len({command.id for command in bridge.commands}) == 3
    assert all(4 < command.ttl <= 5 for command in bridge.commands)
    assert states == [CoverState.OPENING, CoverState.OPEN]


async def test_to_close_is_the_last_word_also_while_the_car_wakes_up(bridge: FakeBridge, move: Move) -> None:
    """An opening that is given anew after it would undo it."""
    closing: asyncio.Task[None] | None = None

    def wake(command: Command) -> None:
        nonlocal closing
        if command.command == "windows_close":
            bridge.confirm(command)
            return
        if closing is None:
            closing = bridge.hass.async_create_task(move("close_cover", WINDOWS))
        bridge.result(command, Outcome.ACCEPTED, stage="waking")
        bridge.hass.loop.call_later(0.05, bridge.result, command, Outcome.EXPIRED, "expired")

    bridge.tell_state("closures", **windows())
    bridge.on_command = wake
    with pytest.raises(HomeAssistantError, match="Anna: A later command took its place"):
        await move("open_cover", WINDOWS)
    assert closing
    await closing
    assert names(bridge) == ["windows_vent", "windows_close"]


async def test_a_lid_is_not_opened_after_it_was_told_to_close(bridge: FakeBridge, move: Move) -> None:
    bridge.body(rear_trunk="closed")
    looks: list[Command] = []
    bridge.on_command = looks.append
    opening = bridge.hass.async_create_task(move("open_cover", TRUNK))
    await bridge.asked.wait()
    bridge.obey(rear_trunk="closed")
    await move("close_cover", TRUNK)
    bridge.on_command(looks[0])
    with pytest.raises(HomeAssistantError, match="Anna: A later command took its place"):
        await opening
    assert names(bridge) == ["status", "trunk_close"]


async def test_an_open_that_waited_for_long_does_not_come_late(
    bridge: FakeBridge, move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge.body(rear_trunk="closed")
    bridge.on_command = bridge.accept
    first = bridge.hass.async_create_task(move("open_cover", TRUNK))
    await bridge.asked.wait()
    monkeypatch.setattr(cover, "OPENS_TTL_S", 0.05)
    with pytest.raises(HomeAssistantError, match="Anna: The command was too old"):
        await move("open_cover", TRUNK)
    bridge.offline()
    with pytest.raises(HomeAssistantError, match="Anna: The bridge is not running"):
        await first
    assert names(bridge) == ["status"]


async def test_a_car_that_does_not_wake_up(bridge: FakeBridge, move: Move) -> None:
    bridge.end(Outcome.EXPIRED, "expired")
    with pytest.raises(HomeAssistantError, match="Anna: The command was too old"):
        await move("open_cover", PORT)
    assert names(bridge) == ["charge_port_open"] * 6


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.UNCONFIRMED, "no_answer"),
        (Outcome.UNCONFIRMED, "gave_way"),
        (Outcome.REFUSED, "role_forbids"),
        (Outcome.REFUSED, "wake_budget_spent"),
        (Outcome.FAILED, "not_in_range"),
        (Outcome.FAILED, "car_asleep"),
    ],
)
async def test_nothing_else_is_given_again(bridge: FakeBridge, move: Move, outcome: Outcome, reason: str) -> None:
    bridge.end(outcome, reason)
    with pytest.raises(HomeAssistantError):
        await move("open_cover", PORT)
    assert names(bridge) == ["charge_port_open"]


async def test_roof_and_bed_cover_are_there_when_the_car_tells_of_them(
    hass: HomeAssistant, bridge: FakeBridge, move: Move
) -> None:
    bridge.body(tonneau="closed")  # every car says so
    bridge.tell_state("closures", **windows(sun_roof=None, tonneau=None))
    await hass.async_block_till_done()
    assert hass.states.get(SUNROOF) is hass.states.get(BED) is None
    bridge.tell_state("closures", **windows(), sun_roof="closed", tonneau="closed")
    await hass.async_block_till_done()
    assert state(hass, SUNROOF).state == state(hass, BED).state == CoverState.CLOSED

    bridge.obey("closures", **windows(), sun_roof="vent")
    await move("open_cover_tilt", SUNROOF)
    assert state(hass, SUNROOF).state == CoverState.OPEN
    bridge.obey("closures", **windows(), sun_roof="open")
    await move("open_cover", SUNROOF)
    bridge.obey("closures", **windows(), sun_roof="closed")
    await move("close_cover", SUNROOF)
    bridge.tell_state("closures", **windows(), sun_roof="calibrating")
    assert state(hass, SUNROOF).state == STATE_UNKNOWN

    bridge.obey(tonneau="opening")
    await move("open_cover", BED)
    assert state(hass, BED).state == CoverState.OPENING
    bridge.obey(tonneau="ajar")
    await move("stop_cover", BED)
    assert state(hass, BED).state == CoverState.OPEN
    assert names(bridge) == ["sunroof_vent", "sunroof_open", "sunroof_close", "tonneau_open", "tonneau_stop"]


async def test_a_lid_that_no_key_opens_is_still_shown(hass: HomeAssistant, bridge: FakeBridge) -> None:
    registry = er.async_get(hass)
    assert hass.states.get("binary_sensor.anna_trunk") is None
    few = tuple(command for command in TABLE if not command.startswith(("trunk", "frunk", "charge_port")))
    bridge.announce(cars=(replace(ANNA, role="charging_manager", commands=few),))
    await hass.async_block_till_done()
    bridge.body(rear_trunk="open", front_trunk="closed", charge_port="closed")
    assert state(hass, "binary_sensor.anna_trunk").state == STATE_ON
    assert not any(registry.async_get(entity_id) for entity_id in (TRUNK, FRUNK, PORT))

    bridge.announce(cars=(replace(ANNA, commands=tuple(TABLE)),))
    await hass.async_block_till_done()
    assert state(hass, TRUNK).state == CoverState.OPEN
    assert registry.async_get("binary_sensor.anna_trunk") is None


async def test_a_restart_takes_nothing_away(
    hass: HomeAssistant, everything: MockConfigEntry, bridge: FakeBridge
) -> None:
    """Nobody knows the role of the key until the bridge tells it again: what is there stays, as the owner named it."""
    registry = er.async_get(hass)
    for commands, left in ((("lock", "unlock"), "binary_sensor.anna_trunk"), (tuple(TABLE), TRUNK)):
        bridge.announce(cars=(replace(ANNA, commands=commands),))
        await hass.async_block_till_done()
        registry.async_update_entity(left, name="Boot")
        before = set(registry.entities)
        await hass.config_entries.async_reload(everything.entry_id)
        await hass.async_block_till_done()
        assert set(registry.entities) == before
        await bridge.come_up()
        assert set(registry.entities) == before
        assert registry.entities[left].name == "Boot"


@pytest.mark.parametrize("command", ["unlock", "trunk_open"])
async def test_what_cannot_work_is_refused_without_waiting(
    everything: MockConfigEntry, bridge: FakeBridge, mqtt_mock: MqttMockHAClient, command: str
) -> None:
    """Who speaks to the house waits for 0.2 s: such an answer comes without a single turn of the event loop."""
    coordinator = everything.runtime_data
    mqtt_mock.async_publish.reset_mock()
    bridge.offline()
    with pytest.raises(HomeAssistantError, match="Anna: The bridge is not running"):
        coordinator.async_command(ANNA.id, command).send(None)
    bridge.online()
    mqtt_mock.connected = False
    with pytest.raises(HomeAssistantError, match="Anna: The MQTT broker does not answer"):
        coordinator.async_command(ANNA.id, command).send(None)
    assert bridge.commands == []


async def test_the_bridge_goes_away_with_the_command(hass: HomeAssistant, bridge: FakeBridge, move: Move) -> None:
    bridge.body(rear_trunk="open")
    bridge.on_command = bridge.accept
    moving = hass.async_create_task(move("close_cover", TRUNK))
    await bridge.asked.wait()
    bridge.offline()
    with pytest.raises(HomeAssistantError, match="Anna: The bridge is not running"):
        await moving
