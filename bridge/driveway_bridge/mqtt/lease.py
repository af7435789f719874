"""The bridges of a household agree over MQTT who looks after which car; `judgement/lease.py` says by which rules.

Each bridge writes `<base>/<its own id>/<car>/lease` and reads those of all, also its own. Nothing of it is retained. A
bridge that the broker calls `offline` is gone at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from driveway_bridge.boot import Boot
from driveway_bridge.car import Car
from driveway_bridge.contract import OFFLINE, Info
from driveway_bridge.contract_json import ContractError
from driveway_bridge.contract_topics import Topics, valid_name
from driveway_bridge.judgement.lease import Lease, Why
from driveway_bridge.judgement.lease_word import Reach, Word

if TYPE_CHECKING:
    from driveway_bridge.mqtt.client import Message
    from driveway_bridge.mqtt.ear import Mouth

_LOGGER = logging.getLogger(__name__)

TELL_S: Final = 60.0
"""So long TOLD lines in the log are enough about one car: whoever may publish can make the lease go to and fro."""
TOLD: Final = 6
MAX_WORD: Final = 1024
"""Bytes of a word; what is longer is not read."""
_TAKEN: Final = {
    Why.ALONE: "no other bridge of this car is heard any more",
    Why.LEFT: "the one that did has left",
    Why.SILENT: "the one that did fell silent",
    Why.GIVEN_UP: "the one that did gave it up",
}


@dataclass(slots=True)
class _Entry:
    car: Car
    lease: Lease
    led: bool = True
    told: tuple[str | None, bool] | None = None
    """Holder and whether there was company, as the log has it; None: that there was any it has not yet."""
    told_at: deque[float] = field(default_factory=lambda: deque(maxlen=TOLD))


class Leases:
    """Of all cars of this bridge."""

    def __init__(self, topics: Topics, boot: Boot, mouth: Mouth) -> None:
        self.on_change: Callable[[], None] = lambda: None
        """Called when something has changed that people may want to see."""
        self.twice = False
        """Whether another bridge was heard with our own id."""
        self._topics = topics
        self._boot = boot
        self._mouth = mouth
        self._entries: dict[str, _Entry] = {}
        self._announced = False
        self._left = False
        self._news = asyncio.Event()

    @staticmethod
    def subscriptions(topics: Topics) -> tuple[str, ...]:
        """What has to be heard for it."""
        every = Topics(topics.base)
        return every.lease(), every.status, topics.info

    # Cars -------------------------------------------------------------------------------------------------------------

    def join(self, car: Car) -> Callable[[], bool]:
        """Speak for a car from now on; gives what says at any time whether this bridge looks after it."""
        lease = Lease(self._topics.bridge, self._boot.id, self._boot.now())
        self._entries[car.id] = _Entry(car, lease)
        if self._mouth.connected:
            lease.connected(self._boot.now())
        self._news.set()
        return lambda: lease.leads(self._boot.now())

    def part(self, car: str) -> None:
        """Have nothing to do with a car any more."""
        entry = self._entries.pop(car, None)
        if entry is not None:
            self._say_farewell(entry)

    def company(self, car: str) -> bool:
        """Whether another bridge of a car is heard, or was until lately."""
        entry = self._entries.get(car)
        return entry is not None and entry.lease.why is not Why.ALONE

    def report(self, car: str) -> dict[str, Any]:
        """Who looks after a car, and why, for people."""
        entry = self._entries.get(car)
        return {} if entry is None else entry.lease.report(self._boot.now())

    # Hearing and saying -----------------------------------------------------------------------------------------------

    def takes(self, message: Message) -> bool:
        """Take what is said about leases, and about who is there; False for anything else."""
        if message.topic == self._topics.info:
            self._hear_own_info(message.payload)
            return True
        base, _, rest = message.topic.partition(f"{self._topics.base}/")
        names = rest.split("/")
        if base or not valid_name(names[0]):
            return False
        if names[1:] == ["status"]:
            if message.payload == OFFLINE.encode():
                self._hear_gone(names[0])
            return True
        if len(names) != 3 or names[2] != "lease":
            return False
        self._hear_word(names[0], names[1], message)
        return True

    def connected(self) -> None:
        """The broker is there: say who we are to the other bridges."""
        for entry in self._entries.values():
            entry.lease.connected(self._boot.now())
        self._news.set()

    def leave(self) -> None:
        """The bridge stops: let others begin at once."""
        for entry in self._entries.values():
            self._say_farewell(entry)
        self._left = True

    async def run(self) -> None:
        """Judge and speak, for ever."""
        while True:
            self._news.clear()
            self._look()
            now = self._boot.now()
            pause_s = min((entry.lease.pause_s(now) for entry in self._entries.values()), default=None)
            try:
                async with asyncio.timeout(pause_s):
                    await self._news.wait()
            except TimeoutError:
                continue

    # Inside -----------------------------------------------------------------------------------------------------------

    def _hear_word(self, bridge: str, car: str, message: Message) -> None:
        entry = self._entries.get(car)
        if entry is None or message.retain or len(message.payload) > MAX_WORD:
            return
        try:
            word = Word.parse(message.payload)
        except ContractError as error:
            _LOGGER.debug("Not understood on %s: %s", message.topic, error)
            return
        entry.lease.heard(bridge, word, self._boot.now())
        if entry.lease.twice:
            self._note_twice()
        self._news.set()

    def _hear_gone(self, bridge: str) -> None:
        for entry in self._entries.values():
            entry.lease.gone(bridge, self._boot.now())
        self._news.set()

    def _hear_own_info(self, payload: bytes) -> None:
        """See whether somebody else tells who we are: what an earlier start left there comes before our own."""
        try:
            boot = Info.parse(payload).boot
        except ContractError:
            return
        if boot == self._boot.id:
            self._announced = True
        elif self._announced:
            self._note_twice()

    def _note_twice(self) -> None:
        if not self.twice:
            self.twice = True
            _LOGGER.error(
                "Another bridge uses the id of this one, %s, and its key: a copy of its disk or data folder runs "
                "somewhere. Switch the copy off, and give it a data folder of its own.",
                self._topics.bridge,
            )
            self.on_change()

    def _say_farewell(self, entry: _Entry) -> None:
        self._mouth.publish(self._topics.lease(entry.car.id), entry.lease.farewell(self._boot.now()).payload())

    def _look(self) -> None:
        if self._left:
            return
        now = self._boot.now()
        for car, entry in self._entries.items():
            if not self._mouth.connected:
                entry.lease.disconnected()
            link = entry.car.link
            reach = Reach.NO if link.in_range is False or link.reachable is False else Reach.UNKNOWN
            reach = Reach.YES if reach is Reach.UNKNOWN and link.reachable else reach
            word = entry.lease.look(now, reach, link.signal_dbm)
            if word is not None:
                self._mouth.publish(self._topics.lease(car), word.payload())
            self._follow(entry, now)

    def _follow(self, entry: _Entry, now: float) -> None:
        """Act on who looks after the car now, and tell people."""
        leads = entry.lease.leads(now)
        if leads and not entry.led:
            entry.car.on_doubt(0.0)  # what the one before heard last may be old
        entry.led = leads
        holder, company = entry.lease.holder(now), entry.lease.why is not Why.ALONE
        if (holder, company) == entry.told or (entry.told is None and not company):
            return
        if len(entry.told_at) == TOLD and now - entry.told_at[0] < TELL_S:
            return  # if it stays so, it is told later
        entry.told = (holder, company)
        entry.told_at.append(now)
        _LOGGER.info("%s: %s", entry.car.name, self._words(entry.lease, holder))
        self.on_change()

    def _words(self, lease: Lease, holder: str | None) -> str:
        if holder == self._topics.bridge:
            why = _TAKEN.get(lease.why)
            return "this bridge looks after it" if why is None else f"this bridge looks after it from now on: {why}"
        if lease.why is Why.CUT_OFF:
            return "other bridges may not hear this one any more, so it asks the car only now and then"
        if holder is None:
            return "no bridge looks after it at the moment"
        gave_up = ", which reaches it better" if lease.why is Why.BETTER else ""
        return f"the bridge {holder} looks after it{gave_up}; this one does what it is told and asks only now and then"
