"""What the page "System information" says, with everything well, with nothing there, and after the entry is gone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info
from tests.component.conftest import household
from tests.component.fake_bridge import ANNA, BERT, OTHER_CODE, FakeBridge


@pytest.fixture(autouse=True)
async def _system_health(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()


async def facts(hass: HomeAssistant) -> dict[str, Any]:
    return await get_system_health_info(hass, "driveway")


async def test_a_household_that_works(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    bridge.health(cars={ANNA.id: {"queue": 2, "latency_ms": {"total": {"p95": 312.5}}}})
    told = await facts(hass)
    assert isinstance(told.pop("last_contact"), datetime)
    assert told == {
        "version": "0.1.0",
        "contract": 1,
        "broker_connected": True,
        "bridges_there": "1 / 1",
        "bridge_versions": "0.1.0 (1)",
        "bridge_problems": 0,
        "cars_reached": "1 / 1",
        "commands_waiting": 2,
        "command_ms": 312.5,
    }


async def test_a_bridge_that_is_older_and_one_that_is_away(
    hass: HomeAssistant, mqtt_mock: object, bridge: FakeBridge
) -> None:
    away = FakeBridge(hass, name="Garage", code=OTHER_CODE, bridge="bridge-0000aaaa")
    entry = household([bridge, away], ANNA, BERT)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await bridge.come_up()
    bridge.health(problems=[{"part": "radio", "reason": "radio_deaf"}])
    away.announce(contract=2, version="0.2.0")
    told = await facts(hass)
    assert told["bridges_there"] == "1 / 2"
    assert told["bridge_versions"] == "0.1.0 (1), 0.2.0 (2)"
    assert told["bridge_problems"] == 1
    assert told["cars_reached"] == "1 / 2"
    assert told["command_ms"] is None
    assert told["last_contact"] < datetime.now(UTC)


@pytest.mark.parametrize("silent", [False, True])
async def test_what_a_bridge_said_before_it_went_away_is_not_so_now(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, silent: bool
) -> None:
    """`silent`: it hangs, and its status says that it is there."""
    bridge.health(
        problems=[{"part": "radio", "reason": "radio_deaf"}],
        cars={ANNA.id: {"queue": 2, "latency_ms": {"total": {"p95": 312.5}}}},
    )
    if silent:
        home.runtime_data.household.bridges[bridge.info.bridge].silent = True
    else:
        bridge.offline()
    told = await facts(hass)
    assert (told["bridges_there"], told["cars_reached"]) == ("0 / 1", "0 / 1")
    assert (told["bridge_problems"], told["commands_waiting"], told["command_ms"]) == (0, 0, None)
    assert told["last_contact"]


async def test_before_the_bridge_was_heard(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    told = await facts(hass)
    assert told["bridges_there"] == "0 / 1"
    assert told["bridge_versions"] is None
    assert told["last_contact"] is None


async def test_while_nothing_is_set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    assert await hass.config_entries.async_unload(entry.entry_id)
    told = await facts(hass)
    assert told["broker_connected"] is False
    assert told["bridges_there"] == "0 / 0"
