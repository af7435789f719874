"""The cloud watch: says whether the maker's cloud answers, so that nobody has to guess what is broken. Off by default.

It asks one address every five minutes, without an account, a token, a VIN or a cookie, and reads nothing of the answer.
A second, neutral address is asked only when the first cannot be reached, to tell the cloud's trouble from that of the
house's own Internet. Nothing waits for it: neither the start nor any command.
"""

import logging
from datetime import timedelta
from enum import StrEnum
from typing import Final, override

from aiohttp import ClientError, ClientTimeout, DummyCookieJar
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_create_clientsession
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .const import CONF_WATCH_URL, WATCH_URL

_LOGGER = logging.getLogger(__name__)

EVERY: Final = timedelta(minutes=5)
AGAIN: Final = timedelta(seconds=30)
"""After a first failure; what fails only once is not told."""
TIMEOUT_S: Final = 10.0
NEUTRAL_URL: Final = "https://checkonline.home-assistant.io/online.txt"
"""What Home Assistant itself asks to see whether there is an Internet."""
_SERVER_ERROR: Final = 500


class Cloud(StrEnum):
    """How the maker's cloud is."""

    REACHABLE = "reachable"
    FAILING = "failing"
    """The Internet is there, and the cloud does not answer, or with an error of its own."""
    NO_INTERNET = "no_internet"


class CloudWatch(DataUpdateCoordinator[Cloud | None]):
    """Keeps what was seen last; None while nothing is certain."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Begin with the first listener."""
        super().__init__(
            hass, _LOGGER, config_entry=entry, name="Driveway cloud watch", update_interval=EVERY, always_update=False
        )
        self.data = None
        self._url: str = entry.options.get(CONF_WATCH_URL) or WATCH_URL
        self._session = async_create_clientsession(hass, cookie_jar=DummyCookieJar())
        self._suspected = False

    @override
    async def _async_update_data(self) -> Cloud | None:
        seen = await self._look()
        suspected_before, self._suspected = self._suspected, seen is not Cloud.REACHABLE
        if self._suspected and not suspected_before:
            self.update_interval = AGAIN
            return self.data
        self.update_interval = EVERY
        if seen is not self.data:
            _LOGGER.info("The maker's cloud: %s", seen)
        return seen

    async def _look(self) -> Cloud:
        status = await self._status(self._url)
        if status is not None:
            return Cloud.FAILING if status >= _SERVER_ERROR else Cloud.REACHABLE
        return Cloud.NO_INTERNET if await self._status(NEUTRAL_URL) is None else Cloud.FAILING

    async def _status(self, url: str) -> int | None:
        """Give the HTTP status that an address answers with; None without an answer."""
        try:
            async with self._session.get(
                url, allow_redirects=False, timeout=ClientTimeout(total=TIMEOUT_S)
            ) as response:
                return response.status
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            _LOGGER.debug("%s: %r", url, error)
            return None
