"""Whether the broker carries what is said: Home Assistant says something over it, and listens for it.

A broker that hangs keeps its connections open, and MQTT's own keep-alive finds that out after a minute or more. The
echo finds it out within two seconds. It also says when the broker has taken all subscriptions anew after a reconnect:
Home Assistant subscribes to names with a wildcard first, and to the echo's, which has none, after them.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from homeassistant.components import mqtt
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_time_interval

_LOGGER = logging.getLogger(__name__)

CALL_EVERY: Final = timedelta(seconds=0.45)
CALLS_UNHEARD: Final = 3
"""So many calls without an echo, and the broker hangs. Counted, so that a computer that stalls blames no broker."""
CALLS_FORBIDDEN: Final = 10
"""So many, while others are heard: then the broker's rules keep the echo from us, and it says nothing. Counted from the
first word of others, which may lie in a broker that thaws."""


class Broker:
    """The way between Home Assistant and all bridges of one household; `changed` is called when it opens or shuts."""

    def __init__(self, hass: HomeAssistant, base: str, name: str, changed: Callable[[], None]) -> None:
        """`name`: among those that listen under this base topic."""
        self._hass = hass
        self._topic = f"{base}/{name}/echo"
        self._changed = changed
        self._echoes: bool | None = None
        """Whether there is an echo: only then its absence says something. None while nobody knows."""
        self._carries = True
        self._unheard = 0
        self._others_at: int | None = None
        """How many calls were unheard when others were first heard while it does not carry."""
        self._closed = False

    @property
    def there(self) -> bool:
        """Whether what is said now will be heard."""
        return mqtt.is_connected(self._hass) and self._carries

    async def async_start(self, entry: ConfigEntry) -> None:
        """Listen for the echo, until the entry ends. To be called when all else is subscribed."""
        entry.async_on_unload(await mqtt.async_subscribe(self._hass, self._topic, self._hear_echo, qos=0))

        @callback
        def call(_now: datetime) -> None:
            if mqtt.is_connected(self._hass):
                self._look()
                self._unheard += 1
                entry.async_create_background_task(self._hass, self._call(), "driveway echo")

        entry.async_on_unload(
            async_track_time_interval(self._hass, call, CALL_EVERY, name="driveway echo", cancel_on_shutdown=True)
        )

    def close(self) -> None:
        """Hear nothing more, as `Ear.close`."""
        self._closed = True

    @callback
    def begin_anew(self) -> None:
        """Take in that the connection came or went; somebody else tells it to all others."""
        # Before the next echo nobody knows what is subscribed already.
        self._carries = self._echoes is False
        self._unheard, self._others_at = 0, None

    @callback
    def hear_others(self) -> None:
        """Take in that something live was heard over the broker that was not ours."""
        if self._carries:
            return
        if self._others_at is None:
            self._others_at = self._unheard
        if self._unheard - self._others_at >= CALLS_FORBIDDEN:
            _LOGGER.info("The MQTT broker keeps Home Assistant's own words from it; whether it hangs cannot be told")
            self._echoes = False
            self._open()

    async def _call(self) -> None:
        try:
            await mqtt.async_publish(self._hass, self._topic, "here", qos=0, retain=False)
        except HomeAssistantError as error:  # the echo will be missed
            _LOGGER.debug("Nothing could be said over the broker: %s", error)

    @callback
    def _look(self) -> None:
        if self._echoes and self._carries and self._unheard >= CALLS_UNHEARD:
            _LOGGER.info("The MQTT broker does not answer")
            self._carries = False
            self._changed()

    @callback
    def _hear_echo(self, message: mqtt.ReceiveMessage) -> None:
        if self._closed or message.retain:
            return
        self._unheard = 0
        self._echoes = True
        if not self._carries:
            self._open()

    def _open(self) -> None:
        self._carries, self._others_at = True, None
        self._changed()
