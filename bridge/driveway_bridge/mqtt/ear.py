"""The bridge listens to itself: a probe to its own command topic each minute proves that commands still come in.

A broker can lose a subscription, or take the right to it away, while everything that the bridge publishes goes on
being taken: then values stay fresh and commands vanish, and nobody notices. A probe that does not come back makes the
bridge subscribe anew, then connect anew; and if that does not help either, it says so and tries again now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from driveway_bridge.contract_topics import Topics

if TYPE_CHECKING:
    from driveway_bridge.mqtt.client import Message

_LOGGER = logging.getLogger(__name__)

EVERY_S: Final = 60.0
WITHIN_S: Final = 5.0
"""So long a probe may take."""
RECONNECT_EVERY_S: Final = 1800.0
"""Where connecting anew did not help, it is not done again before this: it ends what is under way for everybody."""
EAR: Final = "ear"
"""In the place of a car's id. No car has it."""


class Mouth(Protocol):
    """The connection to the broker, by `Uplink`."""

    @property
    def connected(self) -> bool:
        """Whether there is one."""
        ...

    def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 0) -> bool:
        """Publish now or never."""
        ...

    def listen_again(self) -> None:
        """Subscribe anew."""
        ...

    def reconnect(self, why: str) -> None:
        """Give the connection up and make a new one."""
        ...


class Ear:
    """Sends probes for ever in `run`; `hears` takes what may be one."""

    def __init__(
        self,
        topics: Topics,
        mouth: Mouth,
        *,
        every_s: float = EVERY_S,
        within_s: float = WITHIN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        """Called when the ear works no longer, or works again."""
        self._topic = topics.command(EAR)
        self._mouth = mouth
        self._every_s = every_s
        self._within_s = within_s
        self._clock = clock
        self._nonce = ""
        self._heard = asyncio.Event()
        self._soon = asyncio.Event()
        self._ok: bool | None = None
        self._heard_at: float | None = None
        self._sender_at: float | None = None
        self._reconnected_at = float("-inf")
        self._repairs = 0

    def report(self) -> dict[str, Any]:
        """How it is: `ok` (None: not known yet), how long ago something of ours or an owner's command came in."""
        return {"ok": self._ok, "heard_s_ago": self._ago(self._heard_at), "repairs": self._repairs}

    @property
    def sender_s_ago(self) -> float | None:
        """How long ago Home Assistant, or another sender, was heard: it asked for the clock or gave a command."""
        return self._ago(self._sender_at)

    def note_sender(self) -> None:
        """Somebody asked for the clock, or gave a command and may."""
        self._sender_at = self._clock()

    def hears(self, car: str, message: Message) -> bool:
        """Take what arrived for `car`; whether that was for the ear. What is not our own probe changes nothing."""
        if car != EAR:
            return False
        if self._nonce and not message.retain and message.payload == self._nonce.encode():
            self._nonce = ""
            self._heard_at = self._clock()
            self._heard.set()
        return True

    async def run(self) -> None:
        """Probe for ever."""
        while True:
            self._soon.clear()
            if self._mouth.connected and not await self._probe() and self._mouth.connected:
                await self._repair()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await self._soon.wait()

    def probe_soon(self) -> None:
        """Do not wait for the next minute: the connection is a new one."""
        self._soon.set()

    async def _probe(self) -> bool:
        self._nonce = secrets.token_hex(16)
        self._heard.clear()
        if not self._mouth.publish(self._topic, self._nonce, qos=1):
            return False
        try:
            async with asyncio.timeout(self._within_s):
                await self._heard.wait()
        except TimeoutError:
            self._nonce = ""
            return False
        self._judge(ok=True)
        return True

    async def _repair(self) -> None:
        self._repairs += 1
        self._mouth.listen_again()
        if await self._probe():
            return
        self._judge(ok=False)
        if self._clock() - self._reconnected_at >= RECONNECT_EVERY_S:
            self._reconnected_at = self._clock()
            self._mouth.reconnect("the bridge does not hear itself")

    def _judge(self, *, ok: bool) -> None:
        before, self._ok = self._ok, ok
        if ok and before is False:
            self._reconnected_at = float("-inf")
            _LOGGER.warning("The bridge hears commands again")
        elif not ok and before is not False:
            _LOGGER.error(
                "The bridge does not hear what is published to %s, so it hears no commands. It connects anew; if that "
                "does not help, check the broker's access rules.",
                self._topic,
            )
        if ok is not before:
            self.on_change()

    def _ago(self, at: float | None) -> float | None:
        return None if at is None else round(self._clock() - at, 1)
