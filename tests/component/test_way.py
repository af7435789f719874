"""The way to a car: how the last command ended, what we cost the car, who would be asked, and where the car is."""

from typing import Any

import pytest
from homeassistant.const import STATE_HOME, STATE_NOT_HOME, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.conftest import Press, household
from tests.component.fake_bridge import ANNA, OTHER_CODE, FakeBridge
from tests.component.test_entities import state

from custom_components.driveway.contract import Outcome

LAST = "sensor.anna_last_command"
NEAR = "device_tracker.anna_near"
PLACE = "device_tracker.anna_location"


@pytest.mark.usefixtures("home")
async def test_the_last_command_and_how_it_ended(hass: HomeAssistant, bridge: FakeBridge, press: Press) -> None:
    assert state(hass, LAST) == STATE_UNKNOWN
    await press("lock")
    shown = hass.states.get(LAST)
    assert shown is not None
    assert shown.state == "done"
    assert shown.attributes["command"] == "lock"
    assert shown.attributes["took_ms"] < 10_000
    assert shown.attributes["at"] is not None
    bridge.end(Outcome.REFUSED, "not_permitted")
    with pytest.raises(HomeAssistantError):
        await press("unlock")
    assert state(hass, LAST) == "not_permitted"
    bridge.end(Outcome.FAILED, "eaten_by_a_dog")
    with pytest.raises(HomeAssistantError):
        await press("unlock")
    assert state(hass, LAST) == "other"


@pytest.mark.usefixtures("home")
async def test_what_we_cost_the_car(hass: HomeAssistant, bridge: FakeBridge) -> None:
    wakes, minutes = "sensor.anna_wakes_caused_in_24_hours", "sensor.anna_awake_time_caused_in_24_hours"
    assert (state(hass, wakes), state(hass, minutes)) == (STATE_UNKNOWN, STATE_UNKNOWN)
    bridge.health(cars={ANNA.id: {"budget": {"wakes_today": 2, "awake_minutes_today": 7.5}}})
    assert (state(hass, wakes), state(hass, minutes)) == ("2", "7.5")
    bridge.health(cars={ANNA.id: {"budget": {"wakes_today": "many"}}})
    assert (state(hass, wakes), state(hass, minutes)) == (STATE_UNKNOWN, STATE_UNKNOWN)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ({"in_range": True}, STATE_HOME),
        ({"in_range": True, "reachable": False, "why_not": "key_not_enrolled"}, STATE_HOME),
        ({"in_range": False}, STATE_NOT_HOME),
        ({"in_range": False, "linked": True}, STATE_HOME),
        ({"reachable": True}, STATE_HOME),
        ({"reachable": False, "why_not": "not_in_range"}, STATE_NOT_HOME),
        ({"reachable": False, "why_not": "radio_deaf"}, STATE_UNKNOWN),
        ({}, STATE_UNKNOWN),
    ],
)
async def test_near(hass: HomeAssistant, bridge: FakeBridge, link: dict[str, Any], shown: str) -> None:
    bridge.link(**link)
    assert state(hass, NEAR) == shown
    bridge.tell(bridge.topics.link(ANNA.id), "")
    assert state(hass, NEAR) == STATE_UNKNOWN


@pytest.mark.usefixtures("every_entity_enabled")
async def test_a_car_is_near_that_one_of_several_bridges_hears(hass: HomeAssistant, bridge: FakeBridge) -> None:
    garden = FakeBridge(hass, name="Garden", code=OTHER_CODE, bridge="bridge-1badcafe")
    await garden.listen()
    entry = household([bridge, garden], ANNA)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await bridge.come_up()
    await garden.come_up()
    bridge.link(in_range=False, reachable=False, why_not="not_in_range")
    assert state(hass, NEAR) == STATE_HOME
    assert state(hass, "sensor.anna_bridge_asked_first") == "Garden"
    for one, wakes in ((bridge, 1), (garden, 2)):
        one.health(cars={ANNA.id: {"budget": {"wakes_today": wakes, "awake_minutes_today": 0.0}}})
    assert state(hass, "sensor.anna_wakes_caused_in_24_hours") == "3"

    # What a bridge said that is gone says nothing of now.
    garden.offline()
    assert state(hass, NEAR) == STATE_NOT_HOME
    assert state(hass, "sensor.anna_bridge_asked_first") == "Carport"


WORLD = {"native_system": "wgs", "native_latitude": 52.5, "native_longitude": 13.4}
CHINA = {"native_system": "gcj", "native_latitude": 39.9, "native_longitude": 116.4}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("told", "place"),
    [
        (WORLD | {"latitude": 1.0, "longitude": 2.0}, (52.5, 13.4)),
        (CHINA | {"latitude": 39.8987, "longitude": 116.3937}, (39.8987, 116.3937)),
        ({"native_latitude": 39.9, "native_longitude": 116.4, "latitude": 1.0, "longitude": 2.0}, (1.0, 2.0)),
        (WORLD | {"native_longitude": None, "latitude": 1.0, "longitude": 2.0}, (1.0, 2.0)),
        (CHINA | {"latitude": 1.0, "longitude": None}, None),
        (CHINA | {"latitude": 91.0, "longitude": 0.0, "corrected_latitude": 39.9, "corrected_longitude": 116.4}, None),
    ],
)
async def test_the_place_is_in_the_coordinates_of_maps(
    hass: HomeAssistant, bridge: FakeBridge, told: dict[str, Any], place: tuple[float, float] | None
) -> None:
    assert await async_setup_component(hass, "zone", {})
    assert hass.states.get(PLACE) is None
    bridge.tell_state("location", **told)
    await hass.async_block_till_done()
    shown = hass.states.get(PLACE)
    assert shown is not None
    coordinates = (shown.attributes.get("latitude"), shown.attributes.get("longitude"))
    assert coordinates == (place or (None, None))
    assert shown.state == (STATE_NOT_HOME if place else STATE_UNKNOWN)
    assert shown.attributes["source"] == "push"


async def test_a_car_at_home_is_at_home(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    bridge.tell_state("location", latitude=hass.config.latitude, longitude=hass.config.longitude)
    await hass.async_block_till_done()
    assert state(hass, PLACE) == STATE_HOME
