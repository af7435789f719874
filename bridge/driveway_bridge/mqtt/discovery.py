"""Home Assistant's own discovery, for a house without the component: when it is told, and when it is taken back.

The component says that it is there by a retained `present`; while it does, nothing is told here, so that nothing
appears twice. What lies stored of it comes with the subscription, before anything that we publish afterwards comes back
to us: so after each connection a mark is sent to ourselves, and nothing is told before it was heard. A broker that has
lost what it had stored has lost that word too: where the component was there before, it gets time to say so again.

What was told is remembered on disk, so that it is taken back also after a restart in which it is no longer wanted.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from driveway_bridge.contract import ONLINE, Info
from driveway_bridge.contract_topics import Topics
from driveway_bridge.mqtt.client import Message
from driveway_bridge.mqtt.discovery_device import of_bridge, of_car
from driveway_bridge.mqtt.ear import EAR
from driveway_bridge.mqtt.publisher import Send

_LOGGER = logging.getLogger(__name__)

GRACE_S: Final = 90.0
"""For the component to say again that it is there: Home Assistant connects anew within that."""
MOST_CARS: Final = 10
"""Of which is told: a message has some 20 KB, and all of them are under way together."""
_MARK: Final = "mark-"


class Discovery:
    """Tells Home Assistant of the cars, or takes back what was told; `wanted`: whether the owner wants it at all."""

    def __init__(
        self,
        topics: Topics,
        send: Send,
        info: Info,
        *,
        wanted: bool,
        prefix: str,
        allowed: Sequence[str],
        noted: Mapping[str, Any] | None,
        note: Callable[[dict[str, Any]], None],
    ) -> None:
        self._topics = topics
        self._send = send
        self._info = info
        self._wanted = wanted
        self._prefix = prefix
        self._allowed = allowed
        self._note = note
        told = (noted or {}).get("topics", ())
        self._told: dict[str, str | None] = {one: None for one in told if isinstance(one, str)}
        """What stands in the broker: payloads by topic; None where it was told in an earlier start."""
        self._component = bool((noted or {}).get("component"))
        """Whether the component is there, as far as was heard."""
        self._heard = False
        """Whether it has said anything in this connection."""
        self._mark = ""
        self._certain = False
        self._grace: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Nothing is done here for ever but to end what waits."""
        try:
            await asyncio.Event().wait()
        finally:
            self._end_grace()

    def announce(self) -> None:
        """A connection was made: find out whether the component is there."""
        self._end_grace()
        self._certain = self._heard = False
        if not self._wanted:
            self._tell()
            return
        self._mark = _MARK + secrets.token_hex(8)
        self._send(self._topics.command(EAR), self._mark)

    def follow(self, info: Info) -> None:
        """The cars have changed, or what is known of them."""
        self._info = info
        if self._certain:
            self._tell()

    def takes(self, message: Message) -> bool:
        """Take what the component says, Home Assistant's birth, or our own mark."""
        if message.topic == self._topics.component:
            self._hear_component(there=bool(message.payload))
            return True
        if message.topic == f"{self._prefix}/status":
            if message.payload == ONLINE.encode() and self._certain:
                self._tell(again=True)
            return True
        if self._mark and message.topic == self._topics.command(EAR) and message.payload == self._mark.encode():
            self._mark = ""
            self._hear_mark()
            return True
        return False

    def _hear_component(self, *, there: bool) -> None:
        self._heard = True
        self._end_grace()
        if there != self._component:
            _LOGGER.info("Home Assistant's component is %s", "there" if there else "there no more")
            self._component = there
            self._remember()
        if there or self._certain:
            self._certain = True
            self._tell()

    def _hear_mark(self) -> None:
        if self._component and not self._heard:
            self._grace = asyncio.get_running_loop().call_later(GRACE_S, partial(self._hear_component, there=False))
            self._certain = True
            return
        self._certain = True
        self._tell(again=True)

    def _end_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None

    def _tell(self, *, again: bool = False) -> None:
        """Make what stands in the broker what it should be; `again`: also what it should hold already."""
        wanted = self._documents() if self._wanted and not self._component else {}
        before = set(self._told)
        for topic in before - wanted.keys():
            if self._send(topic, "", retain=True, qos=1):
                del self._told[topic]
        for topic, payload in wanted.items():
            if (again or self._told.get(topic) != payload) and self._send(topic, payload, retain=True, qos=1):
                self._told[topic] = payload
        if set(self._told) != before:
            self._remember()

    def _documents(self) -> dict[str, str]:
        """All messages by topic, the bridge first: the cars refer to it."""
        documents = {self._info.bridge: of_bridge(self._topics, self._info)}
        for car in self._info.cars[:MOST_CARS]:
            documents[car.id] = of_car(self._topics, self._info, car, self._allowed)
        return {f"{self._prefix}/device/{one}/config": json.dumps(document) for one, document in documents.items()}

    def _remember(self) -> None:
        self._note({"topics": sorted(self._told), "component": self._component})
