"""The maker's cloud is down: which lock to use, said once."""

from typing import Final

import pytest
from homeassistant.core import CoreState, HomeAssistant, ServiceCall
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.blueprints.story import (
    LOCK,
    TELL,
    Pass,
    sentences,
    settle,
    use,
)

CLOUD: Final = "sensor.carport_cloud"
FAILING: Final = (
    "The maker's cloud is failing, so its app may not open Anna. Use Anna in Home Assistant: that goes over Bluetooth"
    " and needs neither."
)


async def test_the_cloud_goes_and_comes_back(
    hass: HomeAssistant, home: MockConfigEntry, clock: Pass, told: list[ServiceCall]
) -> None:
    hass.states.async_set(CLOUD, "reachable")
    await use(hass, "cloud_down", cloud=CLOUD, lock=LOCK, notify=TELL)
    hass.states.async_set(CLOUD, "failing")
    await clock(minutes=4)
    assert told == []
    await clock(minutes=2)
    assert sentences(told) == [FAILING]
    hass.states.async_set(CLOUD, "no_internet")
    await clock(hours=2, step=5)
    assert len(told) == 1  # one outage
    hass.states.async_set(CLOUD, "reachable")
    await clock(minutes=6)
    assert sentences(told)[1:] == ["The maker's cloud can be reached again."]
    hass.states.async_set(CLOUD, "no_internet")
    await clock(minutes=6)
    assert sentences(told)[2].startswith("There is no Internet, so its app")


@pytest.mark.parametrize("states", [("failing", "reachable"), ("unavailable",), ("unknown",), ("unknown", "reachable")])
async def test_the_cloud_is_not_down(
    hass: HomeAssistant, home: MockConfigEntry, clock: Pass, told: list[ServiceCall], states: tuple[str, ...]
) -> None:
    """It only stumbled, or nobody knows."""
    hass.states.async_set(CLOUD, "reachable")
    await use(hass, "cloud_down", cloud=CLOUD, lock=LOCK, notify=TELL)
    for state in states:
        hass.states.async_set(CLOUD, state)
        await clock(minutes=2)
    await clock(minutes=20)
    assert told == []


async def test_a_restart_while_the_cloud_is_down(
    hass: HomeAssistant, home: MockConfigEntry, clock: Pass, told: list[ServiceCall]
) -> None:
    await use(hass, "cloud_down", cloud=CLOUD, lock=LOCK, notify=TELL)
    hass.states.async_set(CLOUD, "unavailable")
    hass.states.async_set(CLOUD, "failing")
    await clock(minutes=6)
    assert sentences(told) == [FAILING]


async def test_home_assistant_takes_long_to_start_while_the_cloud_is_down(
    hass: HomeAssistant, home: MockConfigEntry, clock: Pass, told: list[ServiceCall]
) -> None:
    """The watch knows it before automations begin to listen."""
    hass.set_state(CoreState.not_running)
    await use(hass, "cloud_down", cloud=CLOUD, lock=LOCK, notify=TELL)
    hass.states.async_set(CLOUD, "failing")
    await hass.async_start()
    await clock(minutes=4)
    assert told == []
    await clock(minutes=2)
    assert sentences(told) == [FAILING]


async def test_the_cloud_fails_in_turns(
    hass: HomeAssistant, home: MockConfigEntry, clock: Pass, told: list[ServiceCall]
) -> None:
    """Now it, now the Internet: it has been down all the time."""
    hass.states.async_set(CLOUD, "reachable")
    await use(hass, "cloud_down", cloud=CLOUD, lock=LOCK, notify=TELL)
    for state in ("failing", "no_internet") * 3:
        hass.states.async_set(CLOUD, state)
        await clock(minutes=4)
    assert len(told) == 1


async def test_the_cloud_is_back_before_the_owner_has_been_told(
    hass: HomeAssistant, home: MockConfigEntry, clock: Pass, told: list[ServiceCall]
) -> None:
    """Telling takes its time: what happens meanwhile does not make it deaf to the next outage."""
    hass.states.async_set(CLOUD, "reachable")
    slow = [{"delay": {"minutes": 2}}, *TELL]
    await use(hass, "cloud_down", cloud=CLOUD, lock=LOCK, notify=slow)
    for outage in (1, 2):
        hass.states.async_set(CLOUD, "failing")
        await clock(minutes=6)
        hass.states.async_set(CLOUD, "reachable")
        await clock(minutes=20)
        assert sentences(told) == [FAILING, "The maker's cloud can be reached again."] * outage


async def test_without_patience(hass: HomeAssistant, home: MockConfigEntry, told: list[ServiceCall]) -> None:
    hass.states.async_set(CLOUD, "reachable")
    await use(hass, "cloud_down", cloud=CLOUD, lock=LOCK, notify=TELL, patience=0)
    for _ in range(2):
        hass.states.async_set(CLOUD, "failing")
        await settle()
        hass.states.async_set(CLOUD, "reachable")
        await settle()
    assert sentences(told) == [FAILING, "The maker's cloud can be reached again."] * 2
