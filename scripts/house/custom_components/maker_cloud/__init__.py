"""For the demo only: the car by way of the maker's cloud, as cloud integrations show it, and a switch for an outage."""

from __future__ import annotations

import voluptuous as vol
from homeassistant.const import CONF_NAME, CONF_URL, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.discovery import async_load_platform
from homeassistant.helpers.typing import ConfigType

DOMAIN = "maker_cloud"
CONFIG_SCHEMA = vol.Schema(
    {DOMAIN: vol.Schema({vol.Required(CONF_URL): cv.url, vol.Required(CONF_NAME): cv.string})}, extra=vol.ALLOW_EXTRA
)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Load the lock and the switch for the address given in the configuration."""
    for platform in (Platform.LOCK, Platform.SWITCH):
        hass.async_create_task(async_load_platform(hass, platform, DOMAIN, dict(config[DOMAIN]), config))
    return True
