"""What the coordinator promises to entities, flows and actions."""

from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.fake_bridge import ANNA, FakeBridge

from custom_components.driveway.contract import Command, Event, Outcome, Result
from custom_components.driveway.coordinator import RECENT_KEPT, Coordinator
from custom_components.driveway.health import Health, Problem
from custom_components.driveway.listeners import COMMAND, HEALTH


@pytest.fixture
def coordinator(home: MockConfigEntry) -> Coordinator:
    found: Coordinator = home.runtime_data
    return found


def test_what_the_role_of_the_bridges_key_lets_it_do(coordinator: Coordinator, bridge: FakeBridge) -> None:
    assert coordinator.may(ANNA.id, "lock") is True
    assert coordinator.may(ANNA.id, "honk_horn") is False
    bridge.announce(cars=(replace(ANNA, commands=None),))
    assert coordinator.may(ANNA.id, "honk_horn") is None
    assert coordinator.may("car-00000000", "lock") is None


async def test_every_station_of_a_command_is_told_to_whom_it_concerns(
    coordinator: Coordinator, bridge: FakeBridge
) -> None:
    def wake_first(command: Command) -> None:
        for stage in ("connecting", "waking", "booting"):
            bridge.result(command, Outcome.ACCEPTED, stage=stage)
        bridge.confirm(command)

    bridge.on_command = wake_first
    heard: list[Result] = []
    result = await coordinator.async_command(ANNA.id, "climate_on", heard=heard.append)
    assert [station.stage for station in heard if station.stage] == ["connecting", "waking", "booting"]
    assert [station.outcome for station in heard][-2:] == [Outcome.SENT, Outcome.CONFIRMED]
    assert heard[-1] == result


async def test_how_commands_ended_is_kept_for_a_while(coordinator: Coordinator, bridge: FakeBridge) -> None:
    ended: list[str] = []
    forget = coordinator.listeners.add(
        ANNA.id, lambda: ended.append(coordinator.last_commands[ANNA.id].reason), COMMAND
    )
    await coordinator.async_command(ANNA.id, "lock")
    bridge.end(Outcome.REFUSED, "closures_open")
    for _ in range(RECENT_KEPT):
        with pytest.raises(HomeAssistantError):
            await coordinator.async_command(ANNA.id, "lock")
    assert ended == ["done", *["closures_open"] * RECENT_KEPT]
    assert [(car, command.reason) for car, command in coordinator.recent_commands] == [
        (ANNA.id, "closures_open")
    ] * RECENT_KEPT
    forget()
    bridge.on_command = bridge.confirm
    await coordinator.async_command(ANNA.id, "lock")
    assert ended[-1] == "closures_open"


def test_what_happens_is_told_once_and_what_is_stored_is_not(coordinator: Coordinator, bridge: FakeBridge) -> None:
    happened: list[Event] = []
    forget = coordinator.listeners.add_event(ANNA.id, happened.append)
    bridge.event("unlocked", by="other")
    bridge.event("drove_off", retain=True)
    forget()
    bridge.event("arrived")
    assert [(event.event, event.by) for event in happened] == [("unlocked", "other")]


def test_how_a_bridge_is_is_told_to_whom_it_concerns(coordinator: Coordinator, bridge: FakeBridge) -> None:
    told: list[object] = []
    [known] = coordinator.household
    coordinator.listeners.add(bridge.info.bridge, lambda: told.append(known.health), HEALTH)
    bridge.health(radio={"state": "ok", "scanning": True, "heard_per_minute": 393})
    bridge.tell(bridge.topics.health, "")
    assert told[-1] is None
    health = told[0]
    assert isinstance(health, Health)
    assert health.text("radio", "state") == "ok"
    assert health.flag("radio", "scanning") is True
    assert health.part("radio").number("heard_per_minute") == 393
    assert health.text("radio", "scanning") is None
    assert health.flag("radio", "state") is None
    assert health.part("radio", "state") == Health({})


def test_problems_that_are_none_are_left_out() -> None:
    odd = '{"part": "radio"}, "radio", {"part": 1, "reason": "radio_deaf"}'
    told = Health.parse(f'{{"problems": [{{"part": "radio", "reason": "radio_deaf"}}, {odd}]}}')
    assert told.problems == (Problem("radio", "radio_deaf"),)
    assert Health.parse('{"problems": "many"}').problems == ()


async def test_presence_that_cannot_be_told_is_told_with_the_next_connection(
    hass: HomeAssistant,
    coordinator: Coordinator,
    bridge: FakeBridge,
    caplog: pytest.LogCaptureFixture,
    complaints: Callable[[], list[str]],
) -> None:
    caplog.set_level("DEBUG")
    with patch("homeassistant.components.mqtt.async_publish", side_effect=HomeAssistantError("away")):
        bridge.offline()
        bridge.online()
        await hass.async_block_till_done(wait_background_tasks=True)
    assert "was not told that it is shown here: away" in caplog.text
    assert complaints() == []
