"""What a car tells is shown: every subject, in units that Home Assistant converts, with its age, and never guessed."""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.fake_bridge import ANNA, FakeBridge
from tests.component.test_entities import state
from tests.component.whole_car import tell_everything

from custom_components.driveway.sensor import OF_CARS

STATES = Path(__file__).parents[2] / "bridge" / "driveway_bridge" / "state"

SHOWN = {
    "sensor.anna_battery": "63",
    "sensor.anna_usable_battery": "62",
    "sensor.anna_range": "309.3",
    "sensor.anna_charge_limit": "80",
    "sensor.anna_charging_state": "charging",
    "sensor.anna_charging_power": "11",
    "sensor.anna_charging_current": "16",
    "sensor.anna_energy_added": "7.35",
    "sensor.anna_planned_start_of_charging": "2026-11-22T18:00:00+00:00",
    "sensor.anna_powershare": "inactive",
    "sensor.anna_inside_temperature": "19.5",
    "sensor.anna_outside_temperature": "4.0",
    "sensor.anna_climate_keeper": "dog",
    "sensor.anna_gear": "park",
    "sensor.anna_power": "-1",
    "sensor.anna_odometer": "19868.4",
    "sensor.anna_destination": "Grandmother",
    "sensor.anna_tyre_pressure_rear_left": "2.9",
    "sensor.anna_sentry_mode_state": "aware",
    "sensor.anna_software_update": "scheduled",
    "sensor.anna_software_update_version": "2026.38.4",
    "sensor.anna_audio_source": "DAB+",
    "binary_sensor.anna_charging": "on",
    "binary_sensor.anna_charging_cable": "on",
    "binary_sensor.anna_front_driver_window": "off",
    "binary_sensor.anna_rear_driver_window": "on",
    "binary_sensor.anna_sunroof": "on",
    "binary_sensor.anna_bed_cover": "off",
    "binary_sensor.anna_tyre_warning_front_left": "off",
    "binary_sensor.anna_tyre_warning_rear_left": "on",
    "binary_sensor.anna_valet_mode": "off",
    "binary_sensor.anna_speed_limit_mode": "on",
    "binary_sensor.anna_parental_controls": "on",
    "binary_sensor.anna_climate": "on",
    "binary_sensor.anna_bluetooth_link": "on",
    "binary_sensor.anna_bluetooth_places": "off",
}


@pytest.mark.usefixtures("every_entity_enabled", "home")
async def test_what_the_car_tells_is_shown(hass: HomeAssistant, bridge: FakeBridge) -> None:
    tell_everything(bridge)
    await hass.async_block_till_done()
    shown = {entity_id: state(hass, entity_id) for entity_id in SHOWN}
    for entity_id in ("sensor.anna_range", "sensor.anna_odometer"):  # converted to kilometres
        shown[entity_id] = f"{float(shown[entity_id]):.1f}"
    assert shown == SHOWN


@pytest.mark.usefixtures("every_entity_enabled", "home")
async def test_what_was_not_told_or_makes_no_sense_is_unknown(
    hass: HomeAssistant, bridge: FakeBridge, complaints: Callable[[], list[str]]
) -> None:
    """A newer car has words and kinds that we do not know: that is no reason to guess, nor to fill the log."""
    tell_everything(bridge)
    await hass.async_block_till_done()
    nonsense: dict[str, dict[str, Any]] = {
        "charge": {
            "charging": "by_induction",
            "battery_percent": "much",
            "planned_start": 0,
            "planned_departure": 1e300,
            "minutes_to_limit": 1e300,
            "energy_added_kwh": True,
        },
        "closures": {"speed_limit": "fast", "sentry": "asleep"},
        "drive": {"gear": "fly", "route_destination": "", "route_minutes": -1e300},
        "tyres": {},
    }
    for subject, values in nonsense.items():
        bridge.tell_state(subject, **values)
    for entity_id in (
        "sensor.anna_charging_state",
        "sensor.anna_battery",
        "sensor.anna_planned_start_of_charging",
        "sensor.anna_planned_departure",
        "sensor.anna_charging_finished",
        "sensor.anna_energy_added",
        "sensor.anna_sentry_mode_state",
        "sensor.anna_gear",
        "sensor.anna_destination",
        "sensor.anna_arrival",
        "binary_sensor.anna_speed_limit_mode",
        "binary_sensor.anna_tyre_warning_rear_left",
    ):
        assert state(hass, entity_id) == STATE_UNKNOWN, entity_id
    assert state(hass, "binary_sensor.anna_charging") == "off"
    assert state(hass, "binary_sensor.anna_charging_cable") == "on"
    assert complaints() == []


@pytest.mark.usefixtures("home")
async def test_values_show_their_age_and_do_not_flood_the_recorder(
    hass: HomeAssistant, bridge: FakeBridge, freezer: FrozenDateTimeFactory
) -> None:
    freezer.move_to("2026-11-22T17:00:00+00:00")
    bridge.tell_clock()
    bridge.remembers(at=-bridge.now, subject="charge", battery_percent=63)

    def battery() -> tuple[str, object, object]:
        shown = hass.states.get("sensor.anna_battery")
        assert shown is not None
        heard_at = shown.attributes["heard_at"]
        return shown.state, heard_at and heard_at.strftime("%H:%M:%S"), shown.attributes["source"]

    assert battery() == ("63", "16:26:40", "memory")
    bridge.tell_state("charge", battery_percent=63)
    assert battery() == ("63", "17:00:00", "push")

    # The same value again and again: its age follows, but not with each message.
    bridge.now += 299
    bridge.tell_state("charge", battery_percent=63)
    assert battery() == ("63", "17:00:00", "push")
    bridge.now += 1
    bridge.tell_state("charge", battery_percent=63)
    assert battery() == ("63", "17:05:00", "push")
    bridge.now += 1
    bridge.tell_state("charge", battery_percent=64)
    assert battery() == ("64", "17:05:01", "push")

    bridge.remembers(at=None, subject="charge", battery_percent=64)
    assert battery() == ("64", None, "memory")
    bridge.tell(bridge.topics.state(ANNA.id, "charge"), "")
    assert battery() == (STATE_UNKNOWN, None, None)


@pytest.mark.usefixtures("every_entity_enabled", "home")
@pytest.mark.parametrize(
    ("entity_id", "subject", "values", "minutes"),
    [
        ("sensor.anna_charging_finished", "charge", {"charging": "charging"}, "minutes_to_limit"),
        ("sensor.anna_charging_finished", "charge", {"charging": "starting"}, "minutes_to_full"),
        ("sensor.anna_arrival", "drive", {"gear": "drive"}, "route_minutes"),
    ],
)
async def test_forecasts_are_times_that_stand_still(
    hass: HomeAssistant,
    bridge: FakeBridge,
    freezer: FrozenDateTimeFactory,
    entity_id: str,
    subject: str,
    values: dict[str, Any],
    minutes: str,
) -> None:
    freezer.move_to("2026-11-22T17:00:00+00:00")
    bridge.tell_clock()
    bridge.tell_state(subject, **values | {minutes: 45})
    assert state(hass, entity_id) == "2026-11-22T17:45:00+00:00"
    bridge.now += 100
    bridge.tell_state(subject, **values | {minutes: 45})
    assert state(hass, entity_id) == "2026-11-22T17:45:00+00:00"
    bridge.tell_state(subject, **values | {minutes: 60})
    assert state(hass, entity_id) == "2026-11-22T18:01:40+00:00"
    bridge.tell_state(subject, **values | {minutes: 0})
    assert state(hass, entity_id) == STATE_UNKNOWN


@pytest.mark.usefixtures("home")
async def test_charging_that_has_ended_has_no_end_to_come(hass: HomeAssistant, bridge: FakeBridge) -> None:
    bridge.tell_state("charge", charging="complete", minutes_to_limit=45)
    assert state(hass, "sensor.anna_charging_finished") == STATE_UNKNOWN
    assert state(hass, "binary_sensor.anna_charging") == "off"
    bridge.tell_state("charge", charging="disconnected")
    assert state(hass, "binary_sensor.anna_charging_cable") == "off"


async def test_sleeping_or_away_a_car_stays_as_it_was_heard(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge
) -> None:
    bridge.tell_state("charge", battery_percent=63)
    bridge.body(lock="locked", asleep=True)
    bridge.link(reachable=False, in_range=False, why_not="not_in_range", asleep=True)
    assert state(hass, "sensor.anna_battery") == "63"


@pytest.mark.usefixtures("home")
async def test_equipment_is_shown_once_a_car_tells_of_it(hass: HomeAssistant, bridge: FakeBridge) -> None:
    bridge.tell_state("charge", battery_percent=63, powershare=None)
    await hass.async_block_till_done()
    assert hass.states.get("sensor.anna_powershare") is None
    bridge.tell_state("charge", battery_percent=63, powershare="active")
    await hass.async_block_till_done()
    assert state(hass, "sensor.anna_powershare") == "active"


async def test_what_a_control_shows_is_not_shown_twice(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, entity_registry: er.EntityRegistry
) -> None:
    """Only while the key may not use the control; and before anybody knows that, nothing is taken away."""
    trunk = "binary_sensor.anna_trunk"
    assert entity_registry.async_get(trunk) is not None
    entity_registry.async_update_entity(trunk, name="Boot")

    # Home Assistant starts anew, and the bridge has not said yet what its key may do.
    bridge.offline()
    await hass.config_entries.async_reload(home.entry_id)
    await hass.async_block_till_done()
    bridge.announce(cars=(replace(ANNA, commands=None),))
    bridge.online()
    await hass.async_block_till_done()
    kept = entity_registry.async_get(trunk)
    assert kept is not None
    assert kept.name == "Boot"
    assert hass.states.get(trunk) is not None

    bridge.announce(cars=(replace(ANNA, commands=("lock", "unlock", "trunk_open", "trunk_close", "frunk_open")),))
    await hass.async_block_till_done()
    assert entity_registry.async_get(trunk) is None
    assert hass.states.get(trunk) is None
    assert entity_registry.async_get("binary_sensor.anna_charge_port") is not None

    bridge.announce(cars=(ANNA,))
    await hass.async_block_till_done()
    assert hass.states.get(trunk) is not None


def enumerations() -> dict[str, list[str]]:
    """The words of each enumeration of the bridge, by class; from the source, as importing it would need more."""
    found = {}
    for path in STATES.glob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and any(
                isinstance(base, ast.Name) and base.id == "StrEnum" for base in node.bases
            ):
                found[node.name] = [
                    str(item.value.value)
                    for item in node.body
                    if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant)
                ]
    return found


@pytest.mark.parametrize(
    ("key", "enumeration"),
    [
        ("charging_state", "ChargingState"),
        ("charge_limit_reason", "LimitReason"),
        ("charging_cable", "Cable"),
        ("fast_charger", "FastCharger"),
        ("charge_port_latch", "Latch"),
        ("powershare", "PowershareState"),
        ("climate_keeper", "Keeper"),
        ("defrost", "Defrost"),
        ("overheat_protection", "OverheatProtection"),
        ("overheat_pause", "OverheatPause"),
        ("gear", "Gear"),
        ("sentry_state", "Sentry"),
        ("display", "Display"),
        ("software_update", "UpdateStatus"),
        ("playback", "Playback"),
    ],
)
def test_every_word_of_the_bridge_is_known(key: str, enumeration: str) -> None:
    [description] = [item for item in OF_CARS if item.key == key]
    assert description.options == enumerations()[enumeration]


def test_every_reading_is_one_that_the_bridge_tells() -> None:
    """A name that is spelled otherwise here than there would be unknown for ever."""
    fields: dict[str, set[str]] = {}
    for path in STATES.glob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                fields.setdefault(path.stem, set()).update(
                    item.target.id
                    for item in node.body
                    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
                )
    fields["media_detail"] = fields["media"]
    from custom_components.driveway.binary_sensor import OF_CARS as BINARY

    readings = [item.shows for item in (*OF_CARS, *BINARY) if item.shows]
    assert len(readings) > 80
    assert [reading for reading in readings if reading[1] not in fields[reading[0]]] == []
