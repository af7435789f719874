"""The bridges are told that their cars are shown by the component, so that nothing appears twice."""

import pytest
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import MqttMockHAClient
from tests.component.conftest import household
from tests.component.fake_bridge import ANNA, FakeBridge
from tests.component.test_life_cycle import _success


def said(bridge: FakeBridge, mqtt_mock: MqttMockHAClient) -> list[str]:
    """What stands in the bridge's topic, after each other."""
    calls = [one for one in mqtt_mock.async_publish.call_args_list if one.args[0] == bridge.topics.component]
    assert all(one.args[2:4] == (0, True) for one in calls)
    return [str(one.args[1]) for one in calls]


async def settle(hass: HomeAssistant) -> None:
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.usefixtures("entry")
async def test_it_is_said_with_the_setup_and_when_a_bridge_comes(
    hass: HomeAssistant, bridge: FakeBridge, mqtt_mock: MqttMockHAClient
) -> None:
    await settle(hass)
    assert said(bridge, mqtt_mock) == ["present"]
    bridge.online()
    await settle(hass)
    assert said(bridge, mqtt_mock) == ["present", "present"]


async def test_it_is_said_again_to_a_broker_that_has_forgotten(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, mqtt_mock: MqttMockHAClient
) -> None:
    await settle(hass)
    mqtt_mock._mqttc.on_disconnect(None, None, 0, 0)
    mqtt_mock.async_publish.reset_mock()
    mqtt_mock._mqttc.on_connect(mqtt_mock._mqttc, None, 0, _success())
    await hass.async_block_till_done()  # the rest of what waits in the background is the client's own
    assert said(bridge, mqtt_mock) == ["present"]


async def test_reloading_keeps_it_and_removing_takes_it_back(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, mqtt_mock: MqttMockHAClient
) -> None:
    await hass.config_entries.async_reload(home.entry_id)
    await settle(hass)
    assert "" not in said(bridge, mqtt_mock)
    await hass.config_entries.async_remove(home.entry_id)
    await settle(hass)
    assert said(bridge, mqtt_mock)[-1] == ""


async def test_it_is_removed_without_mqtt(hass: HomeAssistant, caplog: pytest.LogCaptureFixture) -> None:
    bridge = FakeBridge(hass)
    entry = household(bridge, ANNA)
    entry.add_to_hass(hass)
    await hass.config_entries.async_remove(entry.entry_id)
    assert "was not told that its cars are shown here no more" in caplog.text
