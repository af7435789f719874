"""The climate: on, off, how warm; in the owner's unit, within what the car allows."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from homeassistant.components.climate.const import HVACMode
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.command_table import check
from tests.component.fake_bridge import ANNA, FakeBridge

from custom_components.driveway.contract import Outcome

pytestmark = pytest.mark.usefixtures("everything")

CLIMATE = "climate.anna_climate"

Turn = Callable[..., Coroutine[Any, Any, None]]


@pytest.fixture
def turn(hass: HomeAssistant) -> Turn:
    """Call a service of the climate, as a dashboard does."""

    async def turn(service: str, **data: object) -> None:
        await hass.services.async_call("climate", service, {"entity_id": CLIMATE, **data}, blocking=True)

    return turn


def climate(hass: HomeAssistant) -> State:
    current = hass.states.get(CLIMATE)
    assert current is not None
    return current


def asked(bridge: FakeBridge) -> list[tuple[str, dict[str, object]]]:
    return [check(command) for command in bridge.commands]


async def test_what_the_car_tells(hass: HomeAssistant, bridge: FakeBridge) -> None:
    assert climate(hass).state == STATE_UNKNOWN
    bridge.tell_state("climate", on=True, inside_celsius=4.26, driver_celsius=21.5)
    assert climate(hass).state == HVACMode.HEAT_COOL
    told = climate(hass).attributes
    assert (told["current_temperature"], told["temperature"]) == (4.3, 21.5)
    assert (told["min_temp"], told["max_temp"], told["target_temp_step"]) == (15, 28, 0.5)
    bridge.tell_state("climate", on=False, inside_celsius=None)
    assert climate(hass).state == HVACMode.OFF
    assert climate(hass).attributes["current_temperature"] is None


async def test_it_is_switched_on_and_off(hass: HomeAssistant, bridge: FakeBridge, turn: Turn) -> None:
    bridge.tell_state("climate", on=False)
    bridge.obey("climate", on=True)
    await turn("turn_on")
    assert climate(hass).state == HVACMode.HEAT_COOL
    bridge.obey("climate", on=False)
    await turn("set_hvac_mode", hvac_mode="off")
    await turn("set_hvac_mode", hvac_mode="heat_cool")
    await turn("turn_off")
    assert asked(bridge) == [("climate_on", {}), ("climate_off", {}), ("climate_on", {}), ("climate_off", {})]
    assert all(50 < command.ttl <= 60 for command in bridge.commands)  # it may have to wake the car


async def test_nothing_is_shown_that_the_car_has_not_reported(
    hass: HomeAssistant, bridge: FakeBridge, turn: Turn
) -> None:
    bridge.tell_state("climate", on=False, driver_celsius=20)
    await turn("turn_on")
    await turn("set_temperature", temperature=22)
    assert climate(hass).state == HVACMode.OFF
    assert climate(hass).attributes["temperature"] == 20
    bridge.tell_state("climate", on=True, driver_celsius=22)
    assert climate(hass).state == HVACMode.HEAT_COOL


async def test_warmer(bridge: FakeBridge, turn: Turn) -> None:
    await turn("set_temperature", temperature=22.5)
    await turn("set_temperature", temperature=19, hvac_mode="heat_cool")
    assert asked(bridge) == [
        ("climate_temperature", {"driver_celsius": 22.5}),
        ("climate_on", {}),
        ("climate_temperature", {"driver_celsius": 19}),
    ]


@pytest.mark.parametrize(
    "data",
    [
        {"temperature": 14.9},
        {"temperature": 28.5},
        {"temperature": 20, "hvac_mode": "dry"},
        {"target_temp_low": 18, "target_temp_high": 22},
    ],
)
async def test_what_cannot_be_is_not_sent(bridge: FakeBridge, turn: Turn, data: dict[str, object]) -> None:
    with pytest.raises(ServiceValidationError):
        await turn("set_temperature", **data)
    assert bridge.commands == []


async def test_a_mode_that_it_has_not(bridge: FakeBridge, turn: Turn) -> None:
    with pytest.raises(ServiceValidationError):
        await turn("set_hvac_mode", hvac_mode="cool")
    assert bridge.commands == []


async def test_the_car_allows_less(hass: HomeAssistant, bridge: FakeBridge, turn: Turn) -> None:
    bridge.tell_state("climate", on=True, minimum_celsius=16.0, maximum_celsius=27.0)
    assert (climate(hass).attributes["min_temp"], climate(hass).attributes["max_temp"]) == (16, 27)
    with pytest.raises(ServiceValidationError):
        await turn("set_temperature", temperature=27.5)
    bridge.tell_state("climate", on=True, minimum_celsius=5.0, maximum_celsius=40.0)  # no command says so
    assert (climate(hass).attributes["min_temp"], climate(hass).attributes["max_temp"]) == (15, 28)


async def test_the_car_refuses(bridge: FakeBridge, turn: Turn) -> None:
    bridge.end(Outcome.REFUSED, "low_power_mode")
    with pytest.raises(HomeAssistantError, match="Anna: The car saves power"):
        await turn("turn_on")


async def test_in_fahrenheit(hass: HomeAssistant, everything: MockConfigEntry, bridge: FakeBridge, turn: Turn) -> None:
    hass.config.units = US_CUSTOMARY_SYSTEM
    await hass.config_entries.async_reload(everything.entry_id)
    await bridge.come_up()
    bridge.tell_state("climate", ANNA, on=True, inside_celsius=20.0, driver_celsius=21.0)
    assert climate(hass).attributes["current_temperature"] == 68
    await turn("set_temperature", temperature=70)
    assert asked(bridge) == [("climate_temperature", {"driver_celsius": 21.1})]
