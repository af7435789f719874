"""Driveway: a key to the car that lives in the house, over MQTT and a bridge beside the parking place."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.typing import ConfigType

from . import issues, reauth
from .actions import async_register_actions
from .cloud_entities import async_remove_device
from .const import CONF_BASE_TOPIC, CONF_BRIDGES, DOMAIN, PLATFORMS
from .coordinator import Coordinator, DrivewayConfigEntry
from .discovery import async_take_back_presence
from .drill import async_forget

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions: they are there also while no entry is."""
    async_register_actions(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: DrivewayConfigEntry) -> bool:
    """Listen to the household of an entry; ConfigEntryNotReady without an MQTT client."""
    coordinator = Coordinator(hass, entry)
    await coordinator.async_start()
    await coordinator.drill.async_load()
    entry.runtime_data = coordinator
    if coordinator.watch is None:
        async_remove_device(hass, entry)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    asked = reauth.async_watch(hass, entry)
    await issues.async_watch(hass, entry, asked)
    coordinator.drill.async_start()
    if coordinator.watch is not None:
        # Not waited for: it may hang, and nothing here hangs on it.
        entry.async_create_background_task(hass, coordinator.watch.async_refresh(), "driveway cloud watch")
    return True


async def async_unload_entry(hass: HomeAssistant, entry: DrivewayConfigEntry) -> bool:
    """Remove the entities; what the coordinator holds is released with the entry."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: DrivewayConfigEntry) -> None:
    """Leave nothing behind: repairs and statistics go, and the bridges may use MQTT's own discovery again."""
    await issues.async_forget(hass, entry.entry_id)
    await async_forget(hass, entry)
    await async_take_back_presence(hass, entry.data[CONF_BASE_TOPIC], entry.data[CONF_BRIDGES])


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: DrivewayConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Let the owner take a bridge out that is away, but not the last one. Cars are removed as vehicles."""
    bridges = dict(entry.data[CONF_BRIDGES])
    household = entry.runtime_data.household if entry.state is ConfigEntryState.LOADED else ()
    there = {bridge.id for bridge in household if bridge.online}
    gone = {name for domain, name in device.identifiers if domain == DOMAIN} & bridges.keys() - there
    if not gone or gone == bridges.keys():
        return False
    for bridge in gone:
        del bridges[bridge]
    await async_take_back_presence(hass, entry.data[CONF_BASE_TOPIC], gone)
    hass.config_entries.async_update_entry(entry, data=entry.data | {CONF_BRIDGES: bridges})
    return True
