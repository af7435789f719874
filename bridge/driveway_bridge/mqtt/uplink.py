"""Stays connected to the MQTT broker: connects, tells the owner once why it cannot, and tries again.

Nothing is kept while there is no connection: `publish` says so, and the whole state is told after each connection.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any, Final

from driveway_bridge.mqtt.client import Broker, Client, Message, NoConnection, Version

_LOGGER = logging.getLogger(__name__)

STEADY_S: Final = 10.0
"""A connection that lasted this long was a good one: the first attempt after it comes soon."""
BRIEF: Final = 3
"""So many in a row that did not last, and somebody else is at work."""


def pause_s(failures: int) -> float:
    """Seconds before the next attempt: about 1, and up to 30 later; two bridges do not knock at the same time."""
    return min(30.0, 2.0 ** min(failures, 5)) * random.uniform(0.5, 1.0)  # noqa: S311 - nothing secret


class Uplink:
    """The bridge's way to the broker, over any number of connections."""

    def __init__(
        self,
        broker: Broker,
        *,
        on_message: Callable[[Message], None],
        on_connected: Callable[[], None],
        pause: Callable[[int], float] = pause_s,
    ) -> None:
        self._broker = broker
        self._on_message = on_message
        self._on_connected = on_connected
        self._pause = pause
        self._client: Client | None = None
        self._stopping = False
        self._soon = asyncio.Event()
        """Set: the next attempt waits no longer."""
        self._told = ""
        self._connections = 0
        self.dropped = 0
        """Messages that were published while there was no connection."""

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and the connection is not known to be lost."""
        return self._client is not None

    def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 0) -> bool:
        """Publish now or never; False when it was never."""
        if self._client is not None and self._client.publish(topic, payload, retain=retain, qos=qos):
            return True
        self.dropped += 1
        return False

    def report(self) -> dict[str, Any]:
        """How the connection is."""
        version = None if self._client is None else self._client.version.value
        return {
            "connected": self.connected,
            "version": version,
            "connections": self._connections,
            "dropped": self.dropped,
        }

    def listen_again(self) -> None:
        """Subscribe anew, if there is a connection."""
        if self._client is not None:
            self._client.listen_again()

    def reconnect(self, why: str) -> None:
        """Give the connection up; the next one follows."""
        if self._client is not None:
            self._client.abort(why)

    async def run(self) -> None:
        """Connect again and again, until `stop`."""
        loop = asyncio.get_running_loop()
        failures = brief = 0
        version = Version.V5
        while not self._stopping:
            client = Client(self._broker, version, self._on_message, self._tell)
            version = Version.V5
            try:
                await client.open()
            except NoConnection as error:
                if error.try_older and client.version is Version.V5:
                    version = Version.V311
                    continue
                self._tell(f"{error}. The bridge keeps trying.")
            else:
                if self._soon.is_set():  # it is the broker of before
                    client.abort("its configuration has changed")
                since = loop.time()
                await self._serve(client)
                brief += 1
                if loop.time() - since >= STEADY_S:
                    failures = brief = 0
                elif brief == BRIEF and not self._stopping:
                    self._tell_of_a_twin()
            if not self._stopping:
                failures = 0 if await self._wait(self._pause(failures)) else failures + 1

    def change(self, broker: Broker) -> None:
        """From now on this is the broker: the connection is made anew, at once."""
        self._broker = broker
        self._told = ""
        self.reconnect("its configuration has changed")
        self._soon.set()

    async def stop(self, within_s: float) -> None:
        """Say `offline` and end the connection; `run` comes to its end."""
        self._stopping = True
        if self._client is not None:
            await self._client.close(within_s)

    async def _wait(self, pause_s: float) -> bool:
        """Wait before the next attempt; whether it is wanted sooner."""
        try:
            async with asyncio.timeout(pause_s):
                await self._soon.wait()
        except TimeoutError:
            return False
        self._soon.clear()
        return True

    async def _serve(self, client: Client) -> None:
        self._client = client
        self._connections += 1
        self._told = ""
        _LOGGER.info("Connected to the MQTT broker (MQTT %s)", client.version.value)
        try:
            self._on_connected()
            why = await client.lost
        finally:
            self._client = None
            client.abort("the bridge ends")
        if not self._stopping:
            _LOGGER.warning("The connection to the MQTT broker is lost: %s", why)

    def _tell_of_a_twin(self) -> None:
        _LOGGER.error(
            "The MQTT broker has ended %d connections soon after they began. Does somebody else connect to it as `%s`?"
            " A second bridge with a copy of this data folder does; else ask who has a password for the broker.",
            BRIEF,
            self._broker.client_id,
        )

    def _tell(self, text: str) -> None:
        """Write a problem into the log once, not each time that it is met."""
        level = logging.DEBUG if text == self._told else logging.WARNING
        self._told = text
        _LOGGER.log(level, "%s", text[:1].upper() + text[1:])
