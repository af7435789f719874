"""A Home Assistant with a mocked MQTT socket, a bridge that speaks into it, and the household set up."""

import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import PropertyMock, patch

import pytest
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from pytest_homeassistant_custom_component.typing import MqttMockHAClient
from syrupy.assertion import SnapshotAssertion
from tests.component.command_table import TABLE
from tests.component.fake_bridge import ANNA, FakeBridge

import custom_components  # noqa: F401 - before the plugin puts its own empty package of that name in the way
from custom_components.driveway import discovery, pairing_flow
from custom_components.driveway.const import CONF_BASE_TOPIC, CONF_BRIDGES, DOMAIN, VEHICLE
from custom_components.driveway.contract import CarInfo


@pytest.fixture(autouse=True)
def _our_component(enable_custom_integrations: None) -> None:
    """Let Home Assistant find components outside its own package."""


@pytest.fixture(autouse=True)
def _a_slow_machine(hass: HomeAssistant) -> None:
    """That something took a tenth of a second is no warning of ours: tests see to it that there are none."""
    hass.loop.slow_callback_duration = 60.0


@pytest.fixture
def expected_lingering_timers() -> bool:
    """The mocked MQTT client leaves its keep-alive behind."""
    return True


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.fixture
async def bridge(hass: HomeAssistant, mqtt_mock: MqttMockHAClient) -> FakeBridge:
    """A bridge that nobody has set up yet, and that has not said anything."""
    bridge = FakeBridge(hass)
    await bridge.listen()
    return bridge


def household(bridges: FakeBridge | Sequence[FakeBridge], *cars: CarInfo) -> MockConfigEntry:
    """The entry that the flow would make, of one bridge or several."""
    several = [bridges] if isinstance(bridges, FakeBridge) else bridges
    bridge = several[0]
    codes = {one.info.bridge: {"code": one.code} for one in several}
    return MockConfigEntry(
        domain=DOMAIN,
        title=bridge.info.name,
        unique_id=bridge.topics.base,
        data={
            CONF_BASE_TOPIC: bridge.topics.base,
            CONF_BRIDGES: codes,
        },
        subentries_data=[
            ConfigSubentryData(data={"car": car.id}, subentry_type=VEHICLE, title=car.name, unique_id=car.id)
            for car in cars
        ],
    )


@pytest.fixture
async def entry(hass: HomeAssistant, bridge: FakeBridge) -> MockConfigEntry:
    """The household, set up, before its bridge was heard."""
    entry = household(bridge, ANNA)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


@pytest.fixture
async def home(bridge: FakeBridge, entry: MockConfigEntry) -> MockConfigEntry:
    """The household with its bridge there, and Anna locked in the carport."""
    await bridge.come_up()
    return entry


@pytest.fixture
async def everything(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> MockConfigEntry:
    """The household, with a key of the bridge that may do whatever a bridge can do."""
    bridge.announce(cars=(replace(ANNA, commands=tuple(TABLE)),))
    await hass.async_block_till_done()
    return home


@pytest.fixture
def every_entity_enabled() -> Iterator[None]:
    """Also those that an owner would have to enable first."""
    with patch(
        "homeassistant.helpers.entity.Entity.entity_registry_enabled_default",
        new_callable=PropertyMock,
        return_value=True,
    ):
        yield


@pytest.fixture(autouse=True)
def _listens_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "LISTEN_S", 0.1)
    monkeypatch.setattr(discovery, "_AFTER_FIRST_S", 0.02)


@pytest.fixture(autouse=True)
def _reads_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing_flow, "SHOWN_S", 0.0)


type Press = Callable[..., Coroutine[Any, Any, None]]


@pytest.fixture
def complaints(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What an owner would find in the log of the component, or about it."""
    return lambda: [
        f"{one.name}: {one.getMessage()}"
        for one in caplog.records
        if one.levelno >= logging.WARNING and "driveway" in f"{one.name} {one.getMessage()} {one.exc_text}"
    ]


@pytest.fixture
def press(hass: HomeAssistant) -> Press:
    """Press a button of the lock, as a dashboard does."""

    async def press(service: str, entity_id: str = "lock.anna") -> None:
        await hass.services.async_call("lock", service, {"entity_id": entity_id}, blocking=True)

    return press
