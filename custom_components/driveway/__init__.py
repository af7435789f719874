"""Driveway: a key to the car that lives in the house, over MQTT and a bridge beside the parking place."""

import logging

from homeassistant.components import mqtt
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .const import CONF_BASE_TOPIC, CONF_BRIDGES, PLATFORMS
from .contract_topics import Topics
from .coordinator import Coordinator, DrivewayConfigEntry

_LOGGER = logging.getLogger(__name__)


async def async_setup_entry(hass: HomeAssistant, entry: DrivewayConfigEntry) -> bool:
    """Listen to the household of an entry; ConfigEntryNotReady without an MQTT client."""
    coordinator = Coordinator(hass, entry)
    await coordinator.async_start()
    entry.runtime_data = coordinator
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: DrivewayConfigEntry) -> bool:
    """Remove the entities; what the coordinator holds is released with the entry."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: DrivewayConfigEntry) -> None:
    """Tell the bridges that nothing of them is shown here any more: they may use MQTT's own discovery again."""
    for bridge in entry.data[CONF_BRIDGES]:
        try:
            await mqtt.async_publish(hass, Topics(entry.data[CONF_BASE_TOPIC], bridge).component, "", retain=True)
        except HomeAssistantError as error:
            _LOGGER.warning("Bridge %s was not told that its cars are shown here no more: %s", bridge, error)
