"""A door that stays open is told of."""

from typing import Final

import pytest
from homeassistant.core import HomeAssistant, ServiceCall
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.blueprints.story import (
    TELL,
    Pass,
    sentences,
    use,
)
from tests.component.fake_bridge import FakeBridge

DOOR: Final = "binary_sensor.anna_front_driver_door"


@pytest.fixture
async def watched_door(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    bridge.body(lock="locked", user_present=False, front_driver_door="closed")
    await use(hass, "door_open_too_long", openings=[DOOR, "cover.anna_trunk"], minutes=10, notify=TELL)


async def test_a_door_stays_open(
    hass: HomeAssistant, bridge: FakeBridge, watched_door: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(user_present=False, front_driver_door="open")
    hass.states.async_set("cover.anna_trunk", "open", {"friendly_name": "Anna Trunk"})
    await clock(minutes=9)
    assert told == []
    await clock(minutes=2)
    await clock(hours=2, step=5)
    assert sorted(call.data["message"] for call in told) == [
        "Anna Front driver door has been open for 10 minutes.",
        "Anna Trunk has been open for 10 minutes.",
    ]


async def test_a_door_is_closed_in_time(
    bridge: FakeBridge, watched_door: None, clock: Pass, told: list[ServiceCall]
) -> None:
    for _ in range(3):
        bridge.body(user_present=False, front_driver_door="open")
        await clock(minutes=9)
        bridge.body(user_present=False, front_driver_door="closed")
        await clock(minutes=2)
    assert told == []


async def test_somebody_sits_at_the_open_door(
    bridge: FakeBridge, watched_door: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(user_present=True, front_driver_door="open")
    await clock(minutes=30)
    assert told == []
    bridge.body(user_present=False, front_driver_door="open")
    await clock(minutes=1)
    [sentence] = sentences(told)
    assert sentence in {f"Anna Front driver door has been open for {minutes} minutes." for minutes in (29, 30, 31)}


async def test_somebody_closes_the_door_and_goes(
    bridge: FakeBridge, watched_door: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(user_present=True, front_driver_door="open")
    await clock(minutes=15)
    bridge.body(user_present=True, front_driver_door="closed")
    await clock(minutes=1)
    bridge.body(user_present=False, front_driver_door="open")  # to get out
    await clock(minutes=5)
    assert told == []


async def test_the_bridge_is_away_while_a_door_is_open(
    bridge: FakeBridge, watched_door: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(user_present=False, front_driver_door="open")
    await clock(minutes=5)
    bridge.offline()
    await clock(minutes=20)
    assert told == []  # nobody knows
    bridge.online()
    await clock(minutes=11)
    assert len(told) == 1
