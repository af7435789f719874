"""The car's lock through the cloud: polled, unavailable when a poll fails, and loud when a command fails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import aiohttp
from homeassistant.components.lock import LockEntity
from homeassistant.const import CONF_NAME, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.entity_platform import AddEntitiesCallback
from homeassistant.helpers.typing import ConfigType, DiscoveryInfoType

SCAN_INTERVAL = timedelta(seconds=10)  # real ones ask every few minutes: the demo should not bore
PARALLEL_UPDATES = 1
_PATIENCE = aiohttp.ClientTimeout(total=10)


async def async_setup_platform(
    hass: HomeAssistant,
    config: ConfigType,
    async_add_entities: AddEntitiesCallback,
    discovery_info: DiscoveryInfoType | None = None,
) -> None:
    """Add the one lock."""
    if discovery_info:
        async_add_entities([CloudLock(hass, discovery_info[CONF_URL], discovery_info[CONF_NAME])], True)


class CloudLock(LockEntity):
    """A lock whose every word goes through somebody else's servers."""

    _attr_unique_id = "maker_cloud-lock"

    def __init__(self, hass: HomeAssistant, url: str, name: str) -> None:
        """Reach the car through the cloud at this address."""
        self._attr_name = name
        self._vehicle = f"{url}/api/1/vehicles/1"
        self._session = async_get_clientsession(hass)

    async def async_update(self) -> None:
        """Ask the cloud."""
        try:
            data = await self._ask("GET", "vehicle_data")
        except HomeAssistantError:
            self._attr_available = False
        else:
            self._attr_available = True
            self._attr_is_locked = data["response"]["vehicle_state"]["locked"]

    async def async_lock(self, **kwargs: Any) -> None:
        """Lock through the cloud."""
        await self._command("door_lock", locked=True)

    async def async_unlock(self, **kwargs: Any) -> None:
        """Unlock through the cloud."""
        await self._command("door_unlock", locked=False)

    async def _command(self, command: str, *, locked: bool) -> None:
        self._attr_is_locking, self._attr_is_unlocking = locked, not locked
        self.async_write_ha_state()
        try:
            await self._ask("POST", f"command/{command}")
            self._attr_is_locked = locked
        finally:
            self._attr_is_locking = self._attr_is_unlocking = False
            self.async_write_ha_state()

    async def _ask(self, method: str, path: str) -> dict[str, Any]:
        try:
            async with self._session.request(method, f"{self._vehicle}/{path}", timeout=_PATIENCE) as answer:
                if answer.status != 200:
                    raise HomeAssistantError(f"The maker's cloud answered with error {answer.status}")
                data: dict[str, Any] = await answer.json()
                return data
        except (aiohttp.ClientError, TimeoutError) as error:
            raise HomeAssistantError("The maker's cloud does not answer") from error
