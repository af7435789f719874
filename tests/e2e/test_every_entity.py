"""Every entity of the component once, in a real house, compared with what the car itself says on standard output.

What can be done is done from Home Assistant; what is only shown is changed at the car. An entity that nobody has
thought of here fails the last test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import pytest
import pytest_asyncio

from house.car import Event
from house.house import House
from house.websocket import CommandFailed, States

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

SHOWN_S = 5.0
"""Within this Home Assistant shows what the car says of itself."""


@dataclass(frozen=True, slots=True)
class Deed:
    """An action on an entity, what the car then says of itself, and what Home Assistant shows."""

    action: str
    fact: tuple[str, ...] = ()
    """Where it stands in the car's facts; none: the car says that it was commanded."""
    becomes: Any = None
    shown: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def switched(*fact: str, on: Any = True, off: Any = False) -> list[Deed]:
    """A switch, on and off again."""
    return [Deed("switch.turn_on", fact, on, "on"), Deed("switch.turn_off", fact, off, "off")]


def chosen(*steps: tuple[str, Any], fact: tuple[str, ...]) -> list[Deed]:
    """A choice among several."""
    return [Deed("select.select_option", fact, becomes, option, {"option": option}) for option, becomes in steps]


def moved(*fact: str, opens: Any = "open", closes: Any = "closed") -> list[Deed]:
    """A lid, open and closed again."""
    return [Deed("cover.open_cover", fact, opens, "open"), Deed("cover.close_cover", fact, closes, "closed")]


def seat(kind: str, name: str) -> list[Deed]:
    """A seat, warmed or cooled, and left alone again."""
    return chosen(("high", 3), ("off", 0), fact=("comfort", kind, name))


DEEDS: Mapping[str, list[Deed]] = {
    "lock": [Deed("lock.unlock", ("locked",), False, "unlocked"), Deed("lock.lock", ("locked",), True, "locked")],
    "trunk": moved("closures", "rear_trunk"),
    "frunk": [Deed("cover.open_cover", ("closures", "front_trunk"), "open", "open")],
    "charge_port": moved("closures", "charge_port"),
    "windows": moved("windows_open", opens=True, closes=False),
    "sunroof": moved("comfort", "sunroof_percent", opens=100, closes=0),
    "tonneau": moved("closures", "tonneau"),
    "climate": [
        Deed("climate.turn_on", ("climate_on",), True, "heat_cool"),
        Deed("climate.set_temperature", ("target_c",), 23.5, None, {"temperature": 23.5}),
        Deed("climate.turn_off", ("climate_on",), False, "off"),
    ],
    "sentry": switched("sentry"),
    "defrost": switched("comfort", "max_defrost"),
    "wheel_heat": switched("comfort", "wheel_heat", on=3, off=0),
    "wheel_heat_automatic": switched("comfort", "automatic_wheel"),
    "seat_automatic_front_left": switched("comfort", "automatic_seats", "left"),
    "seat_automatic_front_right": switched("comfort", "automatic_seats", "right"),
    "bioweapon": switched("comfort", "bioweapon"),
    "low_power_mode": switched("comfort", "low_power"),
    "accessory_power": switched("comfort", "accessory_power"),
    "charging": [
        Deed("switch.turn_off", ("charging",), "Stopped", "off"),
        Deed("switch.turn_on", ("charging",), "Charging", "on"),
    ],
    "charge_limit": [Deed("number.set_value", ("charge_limit",), 70, "70", {"value": 70})],
    "charge_amps": [Deed("number.set_value", ("charging_amps",), 10, "10", {"value": 10})],
    "volume": [Deed("number.set_value", ("comfort", "volume"), 5.5, "5.5", {"value": 5.5})],
    "climate_keeper": chosen(("dog", "Dog"), ("camp", "Party"), ("off", "Off"), fact=("keeper",)),
    "overheat_protection": chosen(("on", "on"), ("fan_only", "fan_only"), ("off", "off"), fact=("comfort", "overheat")),
    "overheat_temperature": chosen(("high", 3), ("low", 1), fact=("comfort", "overheat_level")),
    "wheel_heat_level": chosen(("low", 1), ("high", 3), ("off", 0), fact=("comfort", "wheel_heat")),
    "seat_heat_front_left": seat("seat_heat", "left"),
    "seat_heat_front_right": seat("seat_heat", "right"),
    "seat_heat_rear_left": seat("seat_heat", "rear_left"),
    "seat_heat_rear_center": seat("seat_heat", "rear_center"),
    "seat_heat_rear_right": seat("seat_heat", "rear_right"),
    "seat_heat_third_row_left": seat("seat_heat", "third_row_left"),
    "seat_heat_third_row_right": seat("seat_heat", "third_row_right"),
    "seat_cooling_front_left": seat("seat_cooling", "left"),
    "seat_cooling_front_right": seat("seat_cooling", "right"),
    "lights": [Deed("button.press", ("vehicleControlFlashLightsAction",))],
    "horn": [Deed("button.press", ("vehicleControlHonkHornAction",))],
    "wake": [Deed("button.press", ("wake",))],
    "homelink": [Deed("button.press", ("vehicleControlTriggerHomelinkAction",))],
    "media_toggle": [Deed("button.press", ("mediaPlayAction",))],
    "media_next_track": [Deed("button.press", ("mediaNextTrack",))],
    "media_previous_track": [Deed("button.press", ("mediaPreviousTrack",))],
}
"""By the key of the entity. A press that leaves no trace at the car is compared with the commands that it took."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def keyed(house: House) -> Mapping[tuple[str, str], str]:
    """Entity ids by domain and key, of all entities: those too that an owner would have to enable."""
    registered = await house.websocket.command("config/entity_registry/list")
    of_ours = [item for item in registered if item["platform"] == "driveway"]
    for item in of_ours:
        if item["disabled_by"]:
            await house.websocket.command(
                "config/entity_registry/update", entity_id=item["entity_id"], disabled_by=None
            )
    entry = of_ours[0]["config_entry_id"]
    await house.websocket.command(
        "call_service", domain="homeassistant", service="reload_config_entry", service_data={"entry_id": entry}
    )
    await house.lock_is_there()
    # A car that is awake tells everything; it is asked by and by.
    await house.car.tell("plug_in")
    await house.websocket.call("button.press", "button.anna_wake")
    await house.websocket.becomes("sensor.anna_charging_state", "charging", timeout_s=60)
    registered = await house.websocket.command("config/entity_registry/list")
    return {
        (item["entity_id"].split(".")[0], item["unique_id"].partition("-")[2].partition("-")[2]): item["entity_id"]
        for item in registered
        if item["platform"] == "driveway"
    }


def found(facts: Event, path: tuple[str, ...]) -> Any:
    """What stands at a place of the car's facts."""
    return reduce(lambda part, name: part[name], path, facts)


@pytest.mark.parametrize("key", DEEDS)
async def test_what_can_be_done(house: House, keyed: Mapping[tuple[str, str], str], key: str) -> None:
    for deed in DEEDS[key]:
        entity = keyed[(deed.action.split(".")[0], key)]
        commands: list[str] = []

        def heard(event: Event, commands: list[str] = commands) -> None:
            if event["event"] == "command":
                commands.append(event["name"])

        house.car.on_event = heard
        await house.websocket.call(deed.action, entity, **deed.data)
        house.car.on_event = lambda _event: None
        if deed.becomes is None:
            assert deed.fact[0] in commands
            continue
        await house.car.state.until(_is(found, deed.fact, deed.becomes), timeout_s=5)
        if deed.shown is not None:
            await shows(house, entity, lambda state, shown=deed.shown: _same(state, shown))
    if key == "frunk":
        await house.car.tell("close front_trunk")


def _is(get: Callable[[Event, tuple[str, ...]], Any], path: tuple[str, ...], value: Any) -> Callable[[Event], bool]:
    return lambda facts: bool(get(facts, path) == value)


def _same(state: str, shown: str) -> bool:
    try:
        return float(state) == float(shown)
    except ValueError:
        return state == shown


async def shows(house: House, entity: str, right: Callable[[str], bool], *, within_s: float = SHOWN_S) -> None:
    """Home Assistant shows it in time."""

    def as_it_is(states: States) -> bool:
        return entity in states and right(states[entity].state)

    try:
        await house.websocket.states.until(as_it_is, timeout_s=within_s)
    except TimeoutError:
        pytest.fail(f"{entity} shows {house.websocket.state(entity)}; the car says {house.car.state.value}")


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that is done at the car, and what Home Assistant then shows: entity by domain and key, and state."""

    words: str
    shown: Mapping[tuple[str, str], str]
    within_s: float = SHOWN_S
    """What the car does not tell by itself is asked by and by."""


TOLD: Mapping[tuple[str, str], str] = {}
"""What is only told."""
ASKED_S = 60.0
DOORS = ("front_driver_door", "front_passenger_door", "rear_driver_door", "rear_passenger_door")
HAPPENINGS = [
    *(
        Happening(f"{verb} {door}", {("binary_sensor", door): shown})
        for door in DOORS
        for verb, shown in (("open", "on"), ("close", "off"))
    ),
    Happening("enter", {("binary_sensor", "user_present"): "on"}),
    Happening("leave", {("binary_sensor", "user_present"): "off"}),
    Happening("unlock by card", {("lock", "lock"): "unlocked"}),
    Happening("lock by card", {("lock", "lock"): "locked"}),
    Happening("battery 43", {("sensor", "battery"): "43"}, ASKED_S),
    Happening("inside 17", {("sensor", "inside_temperature"): "17"}, ASKED_S),
    Happening("outside 4", {("sensor", "outside_temperature"): "4"}, ASKED_S),
    Happening(
        "unplug",
        {
            ("binary_sensor", "plugged_in"): "off",
            ("binary_sensor", "charging"): "off",
            ("sensor", "charging_state"): "disconnected",
        },
        ASKED_S,
    ),
    Happening("drive_off", {("sensor", "gear"): "drive"}, ASKED_S),
    Happening("drive_home", {("sensor", "gear"): "park"}, ASKED_S),
    Happening(
        "vanish",
        {("binary_sensor", "reachable"): "off", ("device_tracker", "near"): "not_home"},
        30.0,
    ),
    Happening("return", {("binary_sensor", "reachable"): "on", ("device_tracker", "near"): "home"}, 30.0),
]


@pytest.mark.parametrize("happening", HAPPENINGS, ids=lambda happening: happening.words.replace(" ", "-"))
async def test_what_happens_at_the_car(
    house: House, keyed: Mapping[tuple[str, str], str], happening: Happening
) -> None:
    await house.car.tell(happening.words)
    for which, shown in happening.shown.items():
        await shows(house, keyed[which], lambda state, shown=shown: _same(state, shown), within_s=happening.within_s)


async def test_charging_without_a_cable(house: House, keyed: Mapping[tuple[str, str], str]) -> None:
    await house.car.tell("unplug")
    with pytest.raises(CommandFailed) as failed:
        await house.websocket.call("switch.turn_on", keyed["switch", "charging"])
    assert failed.value.key == "not_plugged_in"
    await house.websocket.becomes(keyed["switch", "charging"], "off", timeout_s=ASKED_S)


async def test_what_is_asleep_wakes_up_to_open(house: House, keyed: Mapping[tuple[str, str], str]) -> None:
    """A command that opens lives five seconds, and waking may take longer: it is given anew, and ends well."""
    await house.car.tell("sleep")
    await house.websocket.becomes(keyed["binary_sensor", "asleep"], "on", timeout_s=ASKED_S)
    await house.websocket.call("cover.open_cover", keyed["cover", "windows"])
    await house.car.state.until(lambda facts: facts["windows_open"] and not facts["asleep"], timeout_s=5)
    await house.websocket.call("cover.close_cover", keyed["cover", "windows"])
    await house.websocket.becomes(keyed["cover", "windows"], "closed", timeout_s=SHOWN_S)


async def test_no_entity_is_forgotten(house: House, keyed: Mapping[tuple[str, str], str]) -> None:
    exercised = {(deed.action.split(".", maxsplit=1)[0], key) for key, deeds in DEEDS.items() for deed in deeds}
    exercised |= {which for happening in HAPPENINGS for which in happening.shown}
    others = {which: house.websocket.state(entity) for which, entity in keyed.items() if which not in exercised}
    assert others == TOLD
