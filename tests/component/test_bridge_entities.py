"""A bridge's own device: whether it is there, what is wrong with it, how it is, and whether it is too old."""

from unittest.mock import patch

import pytest
from awesomeversion import AwesomeVersion
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.update import UpdateEntity, UpdateEntityFeature
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_component import DATA_INSTANCES
from homeassistant.loader import Integration
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import MqttMockHAClient
from tests.component.conftest import household
from tests.component.fake_bridge import ANNA, FakeBridge
from tests.component.test_entities import state

CONNECTION = "binary_sensor.carport_connection"
PROBLEM = "binary_sensor.carport_problem"
SOFTWARE = "update.carport_bridge_software"


async def test_whether_it_is_there(
    hass: HomeAssistant, entry: MockConfigEntry, bridge: FakeBridge, mqtt_mock: MqttMockHAClient
) -> None:
    """That is told also while it is away; only without the broker nobody knows."""
    assert state(hass, CONNECTION) == STATE_OFF
    await bridge.come_up()
    assert state(hass, CONNECTION) == STATE_ON
    bridge.offline()
    assert state(hass, CONNECTION) == STATE_OFF
    mqtt_mock._mqttc.on_disconnect(None, None, 0, 0)
    assert state(hass, CONNECTION) == STATE_UNAVAILABLE


async def test_it_belongs_to_the_bridge(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, device_registry: dr.DeviceRegistry
) -> None:
    entity = er.async_get(hass).async_get(CONNECTION)
    service = device_registry.async_get_device_by_identifier(("driveway", bridge.info.bridge), home.entry_id)
    assert entity is not None
    assert service is not None
    assert entity.device_id == service.id
    assert entity.config_subentry_id is None


@pytest.mark.usefixtures("home")
async def test_what_is_wrong_with_it(hass: HomeAssistant, bridge: FakeBridge) -> None:
    assert state(hass, PROBLEM) == STATE_UNKNOWN
    bridge.health()
    assert state(hass, PROBLEM) == STATE_OFF
    bridge.health(problems=[{"part": "radio", "reason": "radio_deaf"}, {"part": 7}])
    shown = hass.states.get(PROBLEM)
    assert shown is not None
    assert (shown.state, shown.attributes["problems"]) == (STATE_ON, [{"part": "radio", "reason": "radio_deaf"}])

    # A bridge without power has other worries than its radio.
    bridge.offline()
    shown = hass.states.get(PROBLEM)
    assert shown is not None
    assert (shown.state, shown.attributes["problems"]) == (STATE_UNKNOWN, [])


@pytest.mark.usefixtures("every_entity_enabled", "home")
async def test_how_it_is(hass: HomeAssistant, bridge: FakeBridge, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to("2026-11-22T17:00:00+00:00")
    bridge.tell_clock()
    since, heard, memory = (
        "sensor.carport_running_since",
        "sensor.carport_bluetooth_messages_heard",
        "sensor.carport_memory_used",
    )
    bridge.health(radio={"heard_per_minute": 393}, process={"memory_mb": 93.9})
    assert (state(hass, since), state(hass, heard), state(hass, memory)) == (
        "2026-11-22T16:43:20+00:00",
        "393.0",
        "93.9",
    )
    freezer.move_to("2026-11-22T17:01:00+00:00")
    bridge.now += 60
    bridge.tell_clock()
    bridge.health(radio={}, process={"memory_mb": None}, boot=None)
    assert {state(hass, one) for one in (since, heard, memory)} == {STATE_UNKNOWN}
    bridge.tell(bridge.topics.health, "")
    assert state(hass, since) == STATE_UNKNOWN
    bridge.offline()
    assert {state(hass, one) for one in (since, heard, memory)} == {STATE_UNAVAILABLE}


@pytest.mark.parametrize(
    ("bridge_has", "component_has", "latest", "shown"),
    [
        ("0.1.0", "0.1.0", "0.1.0", STATE_OFF),
        ("0.1.0", "0.2.0", "0.2.0", STATE_ON),
        ("0.9.0", "0.10.0", "0.10.0", STATE_ON),
        ("0.2.0b1", "0.2.0", "0.2.0", STATE_ON),
        ("0.2.0", "0.1.0", "0.2.0", STATE_OFF),
        ("from my own hands", "0.1.0", "from my own hands", STATE_OFF),
    ],
)
async def test_whether_it_is_too_old(
    hass: HomeAssistant, bridge: FakeBridge, bridge_has: str, component_has: str, latest: str, shown: str
) -> None:
    entry = household(bridge, ANNA)
    entry.add_to_hass(hass)
    with patch.object(Integration, "version", AwesomeVersion(component_has)):
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
    assert state(hass, SOFTWARE) == STATE_UNKNOWN
    bridge.announce(version=bridge_has)
    update = hass.states.get(SOFTWARE)
    assert update is not None
    assert update.state == shown
    assert (update.attributes["installed_version"], update.attributes["latest_version"]) == (bridge_has, latest)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("language", "word"), [("en", "own computer"), ("de", "eigenen Computer")])
async def test_how_to_update_it_is_told_without_the_internet(hass: HomeAssistant, language: str, word: str) -> None:
    hass.config.language = language
    software = hass.data[DATA_INSTANCES]["update"].get_entity(SOFTWARE)
    assert isinstance(software, UpdateEntity)
    assert software.supported_features is UpdateEntityFeature.RELEASE_NOTES
    notes = await software.async_release_notes()
    assert notes is not None
    assert word in notes
    assert "0.1.0" in notes
