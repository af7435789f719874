"""Every entity of the component once, in a real house, compared with what the car itself says on standard output.

What can be done is done from Home Assistant; what is only shown is changed at the car. An entity that nobody has
thought of here fails the last test.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any

import pytest
import pytest_asyncio

from house.car import Car, Event
from house.house import House
from house.watched import Watched
from house.websocket import CommandFailed, States

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

SHOWN_S = 10.0
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
    "sentry": switched("sentry"),
    "defrost": switched("comfort", "max_defrost"),
    "wheel_heat": switched("comfort", "wheel_heat", on=3, off=0),
    "wheel_heat_automatic": switched("comfort", "automatic_wheel"),
    "seat_automatic_front_left": switched("comfort", "automatic_seats", "left"),
    "seat_automatic_front_right": switched("comfort", "automatic_seats", "right"),
    "bioweapon": switched("comfort", "bioweapon"),
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
    "climate": [
        Deed("climate.turn_on", ("climate_on",), True, "heat_cool"),
        Deed("climate.set_temperature", ("target_c",), 23.5, None, {"temperature": 23.5}),
        Deed("climate.turn_off", ("climate_on",), False, "off"),
    ],
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
    await house.car.tell("plug_in")
    await house.websocket.call("button.press", "button.anna_wake")
    # A car that is awake tells everything; what it has comes with the first word of it.
    for entity in (
        "switch.anna_charging",
        "cover.anna_sunroof",
        "select.anna_seat_heat_front_left",
        "sensor.anna_gear",
    ):
        await shows(house, entity, lambda state: state not in ("unknown", "unavailable"), within_s=ASKED_S)
    for item in await registered(house):
        if item["disabled_by"]:
            await house.websocket.command(
                "config/entity_registry/update", entity_id=item["entity_id"], disabled_by=None
            )
    # By itself it would load them half a minute later, amid the tests: for a moment there would be no entity at all.
    await house.home.stop()
    await house.home.start()
    await house.lock_is_there()
    await house.car.tell("unplug")
    return {(item["entity_id"].split(".")[0], key(item)): item["entity_id"] for item in await registered(house)}


async def registered(house: House) -> list[dict[str, Any]]:
    """What Home Assistant keeps of the component's entities."""
    every = await house.websocket.command("config/entity_registry/list")
    return [item for item in every if item["platform"] == "driveway"]


def key(item: Mapping[str, Any]) -> str:
    """The key of an entity: behind the id of its car, bridge or entry."""
    unique_id: str = item["unique_id"]
    return unique_id.split("-", 2)[-1] if unique_id.startswith(("car-", "bridge-")) else unique_id


def found(facts: Event, path: tuple[str, ...]) -> Any:
    """What stands at a place of the car's facts."""
    return reduce(lambda part, name: part[name], path, facts)


@asynccontextmanager
async def commanded(car: Car, name: str) -> AsyncIterator[None]:
    """What is done in here gives the car a command: it says so of itself, perhaps a moment later."""
    commands = Watched[frozenset[str]](frozenset())

    def heard(event: Event) -> None:
        if event["event"] == "command":
            commands.update(commands.value | {event["name"]})

    car.on_event = heard
    try:
        yield
        await commands.until(lambda names: name in names, timeout_s=SHOWN_S)
    finally:
        car.on_event = lambda _event: None


@pytest.mark.parametrize("key", DEEDS)
async def test_what_can_be_done(house: House, keyed: Mapping[tuple[str, str], str], key: str) -> None:
    if key.startswith("charg") and key != "charge_port":
        await house.car.tell("plug_in")
    for deed in DEEDS[key]:
        entity = keyed[(deed.action.split(".")[0], key)]
        if deed.becomes is None:
            async with commanded(house.car, deed.fact[0]):
                await house.websocket.call(deed.action, entity, **deed.data)
            continue
        await house.websocket.call(deed.action, entity, **deed.data)
        await house.car.state.until(_is(deed.fact, deed.becomes), timeout_s=30)
        if deed.shown is not None:
            await shows(house, entity, partial(_same, deed.shown))
    if key == "frunk":
        await house.car.tell("close front_trunk")
    if house.car.state.value["charging"] != "Disconnected":
        await house.car.tell("unplug")


def _is(path: tuple[str, ...], value: Any) -> Callable[[Event], bool]:
    return lambda facts: bool(found(facts, path) == value)


def _same(shown: str, state: str) -> bool:
    """Whether it shows this; what is measured changes by itself meanwhile."""
    try:
        return abs(float(state) - float(shown)) < 1
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

    words: tuple[str, ...]
    shown: Mapping[tuple[str, str], str]
    within_s: float = SHOWN_S
    """What the car does not tell by itself is asked by and by."""


TOLD: Mapping[tuple[str, str], str] = {
    ("binary_sensor", "asleep"): "off",
    ("binary_sensor", "battery_heat"): "off",
    ("binary_sensor", "charging_planned"): "off",
    ("binary_sensor", "connected"): "on",
    ("binary_sensor", "fast_charger_present"): "off",
    ("binary_sensor", "front_defroster"): "off",
    ("binary_sensor", "front_driver_window"): "off",
    ("binary_sensor", "front_passenger_window"): "off",
    ("binary_sensor", "keyless_driving"): "off",
    ("binary_sensor", "overheat_cooling"): "off",
    ("binary_sensor", "parental_controls"): "off",
    ("binary_sensor", "places_taken"): "off",
    ("binary_sensor", "problem"): "off",
    ("binary_sensor", "rear_defroster"): "off",
    ("binary_sensor", "rear_driver_window"): "off",
    ("binary_sensor", "rear_passenger_window"): "off",
    ("binary_sensor", "speed_limit"): "off",
    ("binary_sensor", "tyre_warning_front_left"): "off",
    ("binary_sensor", "tyre_warning_front_right"): "off",
    ("binary_sensor", "tyre_warning_rear_left"): "off",
    ("binary_sensor", "tyre_warning_rear_right"): "off",
    ("binary_sensor", "valet_mode"): "off",
    ("sensor", "charge_port_latch"): "disengaged",
    ("sensor", "media_artist"): "The Quiet Motors",
    ("sensor", "media_source"): "USB",
    ("sensor", "obstacle"): "none",
    ("sensor", "route"): "Driveway",
    ("sensor", "sentry_state"): "off",
    ("sensor", "sunroof_opening"): "0",
    ("sensor", "tonneau_opening"): "0",
    ("sensor", "tyre_pressure_front_left"): "2.9",
    ("sensor", "tyre_pressure_front_right"): "2.875",
    ("sensor", "tyre_pressure_rear_left"): "2.95",
    ("sensor", "tyre_pressure_rear_right"): "2.925",
    ("sensor", "tyre_pressure_recommended_front"): "2.9",
    ("sensor", "tyre_pressure_recommended_rear"): "2.9",
    ("update", "software"): "off",
}
"""What the car is in the end, as its own facts and its simulator have it: it drove home, is locked, and rests."""
SILENT = {
    ("event", "pairing"),
    ("sensor", "arrival"),
    ("sensor", "battery_at_arrival"),
    ("sensor", "destination"),
    ("sensor", "distance_to_arrival"),
    ("sensor", "fast_charger"),
    ("sensor", "overheat_pause"),
    ("sensor", "planned_charging"),
    ("sensor", "planned_departure"),
    ("sensor", "software_download"),
    ("sensor", "software_installation"),
    ("sensor", "software_scheduled"),
    ("sensor", "software_update"),
    ("sensor", "software_version"),
    ("sensor", "traffic_delay"),
}
"""Of these there is nothing to tell: no route, no update, no plan, no pairing."""
MOVING = {
    ("binary_sensor", "linked"),
    ("binary_sensor", "preconditioning"),
    ("event", "drive"),
    ("event", "lock"),
    ("sensor", "awake_time_caused"),
    ("sensor", "charge_limit_reason"),
    ("sensor", "charging_cable"),
    ("sensor", "charging_current"),
    ("sensor", "charging_current_offered"),
    ("sensor", "charging_finished"),
    ("sensor", "charging_phases"),
    ("sensor", "charging_power"),
    ("sensor", "charging_rate"),
    ("sensor", "charging_voltage"),
    ("sensor", "display"),
    ("sensor", "energy_added"),
    ("sensor", "estimated_range"),
    ("sensor", "fan_level"),
    ("sensor", "last_command"),
    ("sensor", "last_contact"),
    ("sensor", "media_station"),
    ("sensor", "media_title"),
    ("sensor", "memory"),
    ("sensor", "odometer"),
    ("sensor", "playback"),
    ("sensor", "power"),
    ("sensor", "radio_heard"),
    ("sensor", "range"),
    ("sensor", "range_added"),
    ("sensor", "signal"),
    ("sensor", "speed"),
    ("sensor", "started"),
    ("sensor", "usable_battery"),
    ("sensor", "wakes_caused"),
}
"""What changes by itself, or has just been asked for above."""
ASKED_S = 180.0
"""Within this it is shown what the bridge asks the car for once a minute."""
DOORS = ("front_driver_door", "front_passenger_door", "rear_driver_door", "rear_passenger_door")
HAPPENINGS = [
    *(
        Happening((f"{verb} {door}",), {("binary_sensor", door): shown})
        for door in DOORS
        for verb, shown in (("open", "on"), ("close", "off"))
    ),
    Happening(("enter",), {("binary_sensor", "user_present"): "on"}),
    Happening(("unlock by card",), {("lock", "lock"): "unlocked"}),
    Happening(
        ("plug_in", "battery 43", "inside 17", "outside 4"),
        {
            ("binary_sensor", "plugged_in"): "on",
            ("sensor", "battery"): "43",
            ("sensor", "inside_temperature"): "17",
            ("sensor", "outside_temperature"): "4",
        },
        ASKED_S,
    ),
    Happening(
        ("unplug", "drive_off"),
        {
            ("binary_sensor", "plugged_in"): "off",
            ("binary_sensor", "charging"): "off",
            ("sensor", "charging_state"): "disconnected",
            ("sensor", "gear"): "drive",
        },
        ASKED_S,
    ),
    Happening(("drive_home",), {("sensor", "gear"): "park"}, ASKED_S),
    Happening(("leave",), {("binary_sensor", "user_present"): "off"}),
    Happening(("lock by card",), {("lock", "lock"): "locked"}),
    Happening(("vanish",), {("binary_sensor", "reachable"): "off"}, 90.0),
    Happening(("return",), {("binary_sensor", "reachable"): "on", ("device_tracker", "near"): "home"}, 90.0),
]


@pytest.mark.parametrize("happening", HAPPENINGS, ids=lambda happening: happening.words[0].replace(" ", "-"))
async def test_what_happens_at_the_car(
    house: House, keyed: Mapping[tuple[str, str], str], happening: Happening
) -> None:
    for words in happening.words:
        await house.car.tell(words)
    for which, shown in happening.shown.items():
        await shows(house, keyed[which], partial(_same, shown), within_s=happening.within_s)


async def test_charging_without_a_cable(house: House, keyed: Mapping[tuple[str, str], str]) -> None:
    with pytest.raises(CommandFailed) as failed:
        await house.websocket.call("switch.turn_on", keyed["switch", "charging"])
    assert failed.value.key == "not_plugged_in"
    await house.websocket.becomes(keyed["switch", "charging"], "off", timeout_s=ASKED_S)


@pytest.mark.parametrize(("verb", "opens"), [("open", True), ("close", False)])
async def test_what_is_asleep_wakes_up_for_its_windows(
    house: House, keyed: Mapping[tuple[str, str], str], verb: str, *, opens: bool
) -> None:
    """A command that opens lives five seconds, and waking may take longer: it is given anew, and ends well."""
    await house.car.tell("sleep")
    await house.websocket.becomes(keyed["binary_sensor", "asleep"], "on", timeout_s=ASKED_S)
    await house.websocket.call(f"cover.{verb}_cover", keyed["cover", "windows"])
    await house.car.state.until(lambda facts: facts["windows_open"] is opens and not facts["asleep"], timeout_s=30)
    await house.websocket.becomes(keyed["cover", "windows"], "open" if opens else "closed", timeout_s=SHOWN_S)


async def test_the_drill_walks_the_whole_way(house: House, keyed: Mapping[tuple[str, str], str]) -> None:
    before = dict(house.car.state.value)
    await house.websocket.call("button.press", keyed["button", "drill"])
    await shows(house, keyed["sensor", "drill_result"], lambda state: state == "good")
    await shows(house, keyed["sensor", "drill_latency"], lambda state: 0 < float(state) < 5000)
    await shows(house, keyed["sensor", "drill_at"], lambda state: state.startswith("20"))
    assert house.car.state.value["closures"] == before["closures"]
    assert house.car.state.value["locked"] == before["locked"]


async def test_no_entity_is_forgotten(house: House, keyed: Mapping[tuple[str, str], str]) -> None:
    exercised = {(deed.action.split(".", maxsplit=1)[0], key) for key, deeds in DEEDS.items() for deed in deeds}
    exercised |= {which for happening in HAPPENINGS for which in happening.shown}
    exercised |= {("button", "drill"), *(("sensor", f"drill_{what}") for what in ("result", "latency", "at"))}
    resting = {which: entity for which, entity in keyed.items() if which not in exercised | SILENT | MOVING}

    def told(states: States) -> Mapping[tuple[str, str], str | None]:
        return {which: states[entity].state if entity in states else None for which, entity in resting.items()}

    with contextlib.suppress(TimeoutError):
        await house.websocket.states.until(lambda states: told(states) == TOLD, timeout_s=ASKED_S)
    assert told(house.websocket.states.value) == TOLD
    others = {which: house.websocket.state(entity) for which, entity in keyed.items() if which not in exercised}
    assert {which for which, state in others.items() if state == "unknown"} - MOVING == SILENT
    assert others.keys() >= MOVING
