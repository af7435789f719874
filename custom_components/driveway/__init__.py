"""Driveway: a key to the car that lives in the house, over MQTT and a bridge beside the parking place."""

from homeassistant.core import HomeAssistant

from .const import PLATFORMS
from .coordinator import Coordinator, DrivewayConfigEntry


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
