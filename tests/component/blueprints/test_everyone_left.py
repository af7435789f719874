"""When the last one has left, the car that stays is locked."""

import pytest
from homeassistant.core import HomeAssistant, ServiceCall
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.blueprints.story import (
    LOCK,
    TELL,
    Pass,
    commands,
    sentences,
    use,
)
from tests.component.fake_bridge import FakeBridge

from custom_components.driveway.contract import Outcome


@pytest.fixture
async def family(hass: HomeAssistant, home: MockConfigEntry) -> None:
    """Two people at home, with the car in the carport."""
    hass.states.async_set("person.ada", "home")
    hass.states.async_set("person.ben", "home")
    hass.states.async_set("cover.anna_windows", "closed", {"friendly_name": "Anna Windows"})
    openings = ["cover.anna_windows", "binary_sensor.anna_front_driver_door"]
    await use(
        hass, "everyone_left", lock=LOCK, people=["person.ada", "person.ben"], openings=openings, notify=TELL, grace=3
    )


async def test_the_last_one_leaves(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(lock="unlocked", front_driver_door="closed")
    hass.states.async_set("person.ada", "not_home")
    await clock(minutes=10)
    assert (commands(bridge), sentences(told)) == ([], [])  # Ben is there
    hass.states.async_set("person.ben", "not_home")
    await clock(minutes=2)
    hass.states.async_set("person.ben", "Work")
    assert commands(bridge) == []
    await clock(minutes=2)
    assert commands(bridge) == ["lock"]
    assert sentences(told) == ["Everybody has left. Anna had been unlocked, and is locked now."]


async def test_what_is_open_when_all_have_left(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall]
) -> None:
    hass.states.async_set("cover.anna_windows", "open", {"friendly_name": "Anna Windows"})
    hass.states.async_set("person.ada", "not_home")
    hass.states.async_set("person.ben", "not_home")
    await clock(minutes=5)
    assert commands(bridge) == []  # it was locked
    assert sentences(told) == ["Everybody has left. Anna is locked. Open: Anna Windows."]


async def test_all_is_well_when_all_have_left(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall]
) -> None:
    hass.states.async_set("person.ada", "not_home")
    hass.states.async_set("person.ben", "not_home")
    await clock(minutes=10)
    assert (commands(bridge), sentences(told)) == ([], [])


@pytest.mark.parametrize("why", ["gone with the car", "back at once", "a tracker is lost", "one cannot be found"])
async def test_nobody_has_left_the_car_behind(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall], why: str
) -> None:
    bridge.body(lock="unlocked")
    hass.states.async_set("person.ada", "unknown" if why == "one cannot be found" else "not_home")
    if why == "gone with the car":
        bridge.link(reachable=False, in_range=False, why_not="not_in_range")
    hass.states.async_set("person.ben", "unavailable" if why == "a tracker is lost" else "not_home")
    if why == "back at once":
        await clock(minutes=2)
        hass.states.async_set("person.ben", "home")
    await clock(minutes=15)
    assert (commands(bridge), sentences(told)) == ([], [])


async def test_away_from_one_place_to_another(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall]
) -> None:
    """Somebody who is away already locks nothing by going on: the neighbour may be loading the car."""
    hass.states.async_set("person.ada", "not_home")
    hass.states.async_set("person.ben", "not_home")
    await clock(minutes=5)
    bridge.body(lock="unlocked")
    hass.states.async_set("person.ben", "Work")
    await clock(minutes=5)
    assert (commands(bridge), sentences(told)) == ([], [])


async def test_a_tracker_comes_back_when_all_are_away(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(lock="unlocked")
    hass.states.async_set("person.ada", "not_home")
    hass.states.async_set("person.ben", "unknown")
    await clock(minutes=5)
    assert commands(bridge) == []
    hass.states.async_set("person.ben", "not_home")
    await clock(minutes=5)
    assert commands(bridge) == ["lock"]


async def test_all_have_left_and_the_car_refuses(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(lock="unlocked", front_driver_door="open")
    bridge.end(Outcome.REFUSED, "closures_open")
    hass.states.async_set("person.ada", "not_home")
    hass.states.async_set("person.ben", "not_home")
    await clock(minutes=5)
    assert commands(bridge) == ["lock"]
    assert sentences(told) == ["Everybody has left, and Anna could not be locked. Open: Anna Front driver door."]


async def test_all_have_left_and_nobody_knows_whether_the_car_was_locked(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall]
) -> None:
    """The bridge falls silent with the command."""
    bridge.body(lock="unlocked", front_driver_door="closed")
    bridge.on_command = bridge.fall_silent
    hass.states.async_set("person.ada", "not_home")
    hass.states.async_set("person.ben", "not_home")
    await clock(minutes=5)
    assert commands(bridge) == ["lock"]
    assert sentences(told) == ["Everybody has left, and it is not known whether Anna is locked."]
