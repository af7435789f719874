"""The switch that cuts the maker's cloud."""

from __future__ import annotations

from typing import Any

import aiohttp
from homeassistant.components.switch import SwitchEntity
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.entity_platform import AddEntitiesCallback
from homeassistant.helpers.typing import ConfigType, DiscoveryInfoType


async def async_setup_platform(
    hass: HomeAssistant,
    config: ConfigType,
    async_add_entities: AddEntitiesCallback,
    discovery_info: DiscoveryInfoType | None = None,
) -> None:
    """Add the one switch."""
    if discovery_info:
        async_add_entities([CloudOutage(hass, discovery_info[CONF_URL])], True)


class CloudOutage(SwitchEntity):
    """On: every question to the cloud ends in an error."""

    _attr_name = "Cloud outage"
    _attr_unique_id = "maker_cloud-outage"
    _attr_icon = "mdi:cloud-off-outline"

    def __init__(self, hass: HomeAssistant, url: str) -> None:
        """Switch the cloud at this address."""
        self._url = f"{url}/outage"
        self._session = async_get_clientsession(hass)

    async def async_update(self) -> None:
        """Ask how it stands; it may have been switched from elsewhere."""
        async with self._session.get(self._url) as answer:
            self._attr_is_on = (await answer.json())["on"]

    async def async_turn_on(self, **kwargs: Any) -> None:
        """Cut the cloud."""
        await self._switch(on=True)

    async def async_turn_off(self, **kwargs: Any) -> None:
        """Let it answer again."""
        await self._switch(on=False)

    async def _switch(self, *, on: bool) -> None:
        try:
            async with self._session.post(self._url, json={"on": on}) as answer:
                self._attr_is_on = (await answer.json())["on"]
        except aiohttp.ClientError as error:
            raise HomeAssistantError("The stand-in for the cloud is not running") from error
