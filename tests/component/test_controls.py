"""Switches, numbers, choices and buttons: each asks what a bridge knows, and shows what the car reports."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion
from syrupy.filters import props
from tests.component.command_table import TABLE, check
from tests.component.fake_bridge import ANNA, FakeBridge

from custom_components.driveway import button, climate, cover, number, select, switch
from custom_components.driveway.contract import Outcome
from custom_components.driveway.entity import unique_id
from custom_components.driveway.state import WINDOWS

pytestmark = pytest.mark.usefixtures("every_entity_enabled", "everything")

MODULES = (button, climate, cover, number, select, switch)
LEVELS: dict[str, Any] = {
    f"{seat}_seat_{what}": 0
    for what, seats in (("heat", select.SEATS), ("cooling", ("front_left", "front_right")))
    for seat in seats
}
EQUIPMENT: dict[str, dict[str, Any]] = {
    "body": {"rear_trunk": "closed", "front_trunk": "open", "charge_port": "open", "tonneau": "closed"},
    "charge": {"low_power_mode": False, "keeps_accessory_power": True, "maximum_amps": 16, "set_amps": 13}
    | {"charging": "charging", "limit_percent": 80},
    "climate": LEVELS
    | {"on": True, "inside_celsius": 8.5, "driver_celsius": 20.5, "keeper": "dog", "defrost": "off"}
    | {
        "overheat_protection": "fan_only",
        "wheel_heat": False,
        "wheel_heat_level": "off",
        "wheel_heat_automatic": True,
        "bioweapon": False,
    }
    | {"overheat_temperature": "medium", "front_left_seat_automatic": True, "front_right_seat_automatic": False},
    "closures": {"sun_roof": "closed", "tonneau": "closed", "sentry": "armed"}
    | {f"{window}_window_open": False for window in WINDOWS},
    "media": {"volume": 3.3, "maximum_volume": 10.0},
}

Ask = Callable[..., Coroutine[Any, Any, None]]


@pytest.fixture
def ask(hass: HomeAssistant) -> Ask:
    """Call the service of an entity's platform, as a dashboard does."""

    async def ask(service: str, entity_id: str, **data: object) -> None:
        platform = entity_id.partition(".")[0]
        await hass.services.async_call(platform, service, {"entity_id": entity_id, **data}, blocking=True)

    return ask


@pytest.fixture
async def equipped(hass: HomeAssistant, bridge: FakeBridge) -> FakeBridge:
    """The bridge of a car that has everything."""
    for subject, values in EQUIPMENT.items():
        bridge.tell_state(subject, **values)
    await hass.async_block_till_done()
    return bridge


def entity(hass: HomeAssistant, platform: str, key: str) -> str:
    entity_id = er.async_get(hass).async_get_entity_id(platform, "driveway", unique_id(ANNA.id, key))
    assert entity_id is not None, key
    return entity_id


def shown(hass: HomeAssistant, platform: str, key: str) -> State:
    current = hass.states.get(entity(hass, platform, key))
    assert current is not None
    return current


def asked(bridge: FakeBridge) -> list[tuple[str, dict[str, object]]]:
    """What was asked of the bridge since the last time."""
    commands, bridge.commands = bridge.commands, []
    return [check(command) for command in commands]


async def test_all_of_it(
    hass: HomeAssistant, equipped: FakeBridge, everything: MockConfigEntry, snapshot: SnapshotAssertion
) -> None:
    ours = {module.__name__.rpartition(".")[2] for module in MODULES}
    registered = er.async_entries_for_config_entry(er.async_get(hass), everything.entry_id)
    keys = {item.key for module in MODULES for item in module.DESCRIPTIONS}
    of_these = (item for item in registered if item.domain in ours and item.unique_id.split("-", 2)[2] in keys)
    controls = sorted(of_these, key=lambda item: item.entity_id)
    assert len(controls) == sum(len(module.DESCRIPTIONS) for module in MODULES)
    for item in controls:
        assert item == snapshot(
            name=f"{item.entity_id}-entry", exclude=props("config_entry_id", "config_subentry_id", "device_id")
        )
        assert hass.states.get(item.entity_id) == snapshot(name=f"{item.entity_id}-state")


@pytest.mark.parametrize("description", switch.DESCRIPTIONS, ids=lambda item: item.key)
async def test_every_switch(
    hass: HomeAssistant, equipped: FakeBridge, ask: Ask, description: switch.CarSwitchDescription
) -> None:
    entity_id = entity(hass, "switch", description.key)
    await ask("turn_on", entity_id)
    await ask("turn_off", entity_id)
    (on, with_on), (off, with_off) = asked(equipped)
    assert {on, off} == set(description.commands)
    if on == off:
        assert (with_on.pop("on"), with_off.pop("on")) == (True, False)
        assert with_on == with_off


@pytest.mark.parametrize("description", select.DESCRIPTIONS, ids=lambda item: item.key)
async def test_every_choice(
    hass: HomeAssistant, equipped: FakeBridge, ask: Ask, description: select.CarSelectDescription
) -> None:
    entity_id = entity(hass, "select", description.key)
    for level, option in enumerate(description.options or ()):
        await ask("select_option", entity_id, option=option)
        [(command, arguments)] = asked(equipped)
        assert command == description.command
        assert option in arguments.values()
        told: dict[str, Any] = {description.name: level if "_seat_" in description.name else option}
        equipped.tell_state("climate", **told)
        assert shown(hass, "select", description.key).state == option
    for strange in (7, -1, "tropical", None):
        told = {description.name: strange}
        equipped.tell_state("climate", **told)
        assert shown(hass, "select", description.key).state == STATE_UNKNOWN
    with pytest.raises(ServiceValidationError):
        await ask("select_option", entity_id, option="tropical")
    assert asked(equipped) == []


@pytest.mark.parametrize("description", button.DESCRIPTIONS, ids=lambda item: item.key)
async def test_every_button(
    hass: HomeAssistant, bridge: FakeBridge, ask: Ask, description: button.CarButtonDescription
) -> None:
    await ask("press", entity(hass, "button", description.key))
    [command] = bridge.commands
    assert (command.ttl <= 5) is description.opens
    name, arguments = check(command)
    assert name == description.command
    if name == "homelink":
        assert arguments == {"latitude": hass.config.latitude, "longitude": hass.config.longitude}


async def test_a_seat_is_warmed(hass: HomeAssistant, equipped: FakeBridge, ask: Ask) -> None:
    seat = "select.anna_seat_heat_rear_left"
    equipped.obey("climate", **LEVELS | {"rear_left_seat_heat": 3})
    await ask("select_option", seat, option="high")
    assert asked(equipped) == [("seat_heat", {"seat": "rear_left", "level": "high"})]
    await hass.async_block_till_done()
    assert shown(hass, "select", "seat_heat_rear_left").state == "high"


@pytest.mark.parametrize(
    ("key", "subject", "name", "on", "off"),
    [
        (
            "charging",
            "charge",
            "charging",
            ("charging", "starting", "calibrating"),
            ("stopped", "complete", "no_power"),
        ),
        ("sentry", "closures", "sentry", ("idle", "armed", "aware", "panic", "quiet"), ("off",)),
        ("defrost", "climate", "defrost", ("max",), ("off", "normal")),
        ("wheel_heat", "climate", "wheel_heat", (True,), (False,)),
        ("accessory_power", "charge", "keeps_accessory_power", (True,), (False,)),
    ],
)
async def test_on_and_off_are_the_cars_word(
    hass: HomeAssistant,
    equipped: FakeBridge,
    key: str,
    subject: str,
    name: str,
    on: tuple[object, ...],
    off: tuple[object, ...],
) -> None:
    expected = dict.fromkeys(on, STATE_ON) | dict.fromkeys(off, STATE_OFF) | {None: STATE_UNKNOWN}
    for word, state in expected.items():
        told: dict[str, Any] = {name: word}
        equipped.tell_state(subject, **told)
        assert shown(hass, "switch", key).state == state


async def test_nothing_is_shown_that_the_car_has_not_reported(
    hass: HomeAssistant, bridge: FakeBridge, ask: Ask
) -> None:
    bridge.tell_state("closures", sentry="off")
    await ask("turn_on", "switch.anna_sentry_mode")
    assert shown(hass, "switch", "sentry").state == STATE_OFF
    bridge.tell_state("closures", sentry="armed")
    assert shown(hass, "switch", "sentry").state == STATE_ON


async def test_no_cable_is_plugged_in(bridge: FakeBridge, ask: Ask) -> None:
    bridge.end(Outcome.REFUSED, "not_plugged_in")
    with pytest.raises(HomeAssistantError, match="Anna: No charging cable is plugged in"):
        await ask("turn_on", "switch.anna_charging")


async def test_how_far_it_charges(hass: HomeAssistant, bridge: FakeBridge, ask: Ask) -> None:
    limit = "number.anna_charge_limit"
    assert shown(hass, "number", "charge_limit").state == STATE_UNKNOWN
    bridge.tell_state("charge", limit_percent=80, minimum_limit_percent=55, maximum_limit_percent=100)
    told = shown(hass, "number", "charge_limit")
    assert (told.state, told.attributes["min"], told.attributes["max"]) == ("80", 55, 100)
    bridge.obey("charge", limit_percent=73, minimum_limit_percent=50)
    await ask("set_value", limit, value=72.6)
    assert asked(bridge) == [("charge_limit", {"percent": 73})]
    assert shown(hass, "number", "charge_limit").state == "73"
    for wrong in (49, 101, -1):
        with pytest.raises(ServiceValidationError):
            await ask("set_value", limit, value=wrong)
    assert asked(bridge) == []


async def test_how_fast_it_charges(hass: HomeAssistant, bridge: FakeBridge, ask: Ask) -> None:
    amps = "number.anna_charging_current"
    assert shown(hass, "number", "charge_amps").attributes["max"] == 80
    bridge.tell_state("charge", set_amps=13, amps=0, maximum_amps=16)
    told = shown(hass, "number", "charge_amps")
    assert (told.state, told.attributes["min"], told.attributes["max"]) == ("13", 1, 16)
    await ask("set_value", amps, value=6)
    with pytest.raises(ServiceValidationError):
        await ask("set_value", amps, value=17)
    assert asked(bridge) == [("charge_amps", {"amps": 6})]
    bridge.tell_state("charge", set_amps=13, maximum_amps=0)  # nothing is plugged in
    assert shown(hass, "number", "charge_amps").attributes["max"] == 80


async def test_how_loud_it_plays(hass: HomeAssistant, equipped: FakeBridge, ask: Ask) -> None:
    assert shown(hass, "number", "volume").state == "3.3"
    await ask("set_value", entity(hass, "number", "volume"), value=2.5)
    with pytest.raises(ServiceValidationError):
        await ask("set_value", entity(hass, "number", "volume"), value=10.5)
    assert asked(equipped) == [("media_volume", {"volume": 2.5})]


async def test_only_what_the_key_may_and_the_car_has(
    hass: HomeAssistant, bridge: FakeBridge, everything: MockConfigEntry
) -> None:
    """A charging manager's key: nothing is offered that would be refused."""
    may = ("charge_start", "charge_stop", "charge_limit", "charge_amps", "wake")
    bridge.announce(cars=(replace(ANNA, role="charging_manager", commands=may),))
    for subject, values in EQUIPMENT.items():
        bridge.tell_state(subject, **values)
    await hass.async_block_till_done()
    ours = {module.__name__.rpartition(".")[2] for module in MODULES}
    registered = er.async_entries_for_config_entry(er.async_get(hass), everything.entry_id)
    left = {item.unique_id.partition(f"{ANNA.id}-")[2] for item in registered if item.domain in ours}
    assert left == {"charging", "charge_limit", "charge_amps", "wake"}


def test_a_bridge_knows_every_command() -> None:
    descriptions = [item for module in MODULES for item in module.DESCRIPTIONS]
    assert {command for item in descriptions for command in item.commands} <= TABLE.keys()
    assert all(item.commands for item in descriptions)
    keys = [item.key for item in descriptions]
    assert len(set(keys)) == len(keys)  # they are parts of unique ids
