"""How old may be what arrives? The bridge's own beats through the broker bound it.

A plain word carries no time. It may have waited in a broker that hung, in our own socket, or in a bridge that slept.
So the bridge sends beats to itself, and reasons like this:

- What the broker hands us comes in the order in which it was handed over. What arrives after a beat that was read back
  was taken by the broker after it took that beat.
- A broker that hung may, once it goes on, read our beats before somebody else's older word. But it reads what lies
  ready from everybody before it reads what comes later: a beat that was published `SETTLE_S` after an earlier one was
  heard is read after all that lay ready then.

So what arrives after such a later beat was given to the broker after the earlier one was published, and this is the
bound. It takes no part in what a sender holds back by itself: that cannot be known by anybody else.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from typing import Final

from driveway_bridge.contract_topics import Topics
from driveway_bridge.mqtt.client import Message
from driveway_bridge.mqtt.ear import EAR
from driveway_bridge.mqtt.publisher import Send

SETTLE_S: Final = 0.4
"""Longer than a broker that runs needs to read what lies ready; less than between two beats."""
UNDER_WAY: Final = 64
"""Beats that may come back; older ones prove nothing any more."""
_BEAT: Final = "beat-"
_NEVER: Final = float("-inf")


class Pulse:
    """Beats every so often in `run`; `takes` hears them come back."""

    def __init__(self, topics: Topics, send: Send, now: Callable[[], float], *, every_s: float) -> None:
        self._topic = topics.command(EAR)
        self._send = send
        self._now = now
        self._every_s = every_s
        self._sent: dict[str, tuple[float, float]] = {}
        """Beats under way: when each was published, and what it proves when it comes back."""
        self._heard: deque[tuple[float, float]] = deque()
        """Beats that came back less than SETTLE_S ago: when, and when they were published."""
        self._settled = _NEVER
        """When the newest beat was published that came back longer ago than that."""
        self._proved = _NEVER

    def age_s(self, now: float) -> float:
        """What arrives now was given to the broker so many seconds ago at most; infinite while nothing is proved."""
        return now - self._proved

    def beat(self) -> None:
        """Publish one."""
        now = self._now()
        while self._heard and self._heard[0][0] <= now - SETTLE_S:
            self._settled = max(self._settled, self._heard.popleft()[1])
        beat = _BEAT + secrets.token_hex(8)
        if self._send(self._topic, beat):
            self._sent[beat] = now, self._settled
            while len(self._sent) > UNDER_WAY:
                del self._sent[next(iter(self._sent))]

    def takes(self, message: Message) -> bool:
        """Hear a message, if it is a beat; only our own ones, each once, prove anything."""
        if message.topic != self._topic or not message.payload.startswith(_BEAT.encode()):
            return False
        sent = self._sent.pop(message.payload.decode("ascii", "replace"), None)
        if sent is not None and not message.retain:
            published, proves = sent
            self._heard.append((self._now(), published))
            self._proved = max(self._proved, proves)
        return True

    async def run(self) -> None:
        """Beat for ever."""
        while True:
            self.beat()
            await asyncio.sleep(self._every_s)
