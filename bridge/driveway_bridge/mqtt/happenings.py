"""What happens to the cars, told once on `<bridge>/<car>/event`: never stored, and never late.

`judgement/happenings.py` says what has happened. Several bridges of a car see the same: it is told by the one whose own
command did it, else by the one that looks after the car, after it has waited whether another one tells it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, cast

from driveway_bridge.boot import Boot
from driveway_bridge.car import Car, Observer
from driveway_bridge.contract import EVENTS, Event, LinkState, Outcome, Result
from driveway_bridge.contract_json import ContractError
from driveway_bridge.contract_topics import Topics
from driveway_bridge.judgement import happenings
from driveway_bridge.judgement.happenings import Change, Deeds, Doer, LockWatch, Whereabouts
from driveway_bridge.presence import GONE_S
from driveway_bridge.reasons import OF_THE_RADIO

if TYPE_CHECKING:  # these bring the protobuf messages along, which the start of the bridge cannot wait for
    from driveway_bridge.mqtt.client import Message
    from driveway_bridge.mqtt.order import Order
    from driveway_bridge.state.body import Body
    from driveway_bridge.state.drive import Drive
    from driveway_bridge.state.reading import State

_LOGGER = logging.getLogger(__name__)

CLIENT: Final = "client"
OTHER: Final = "other"
PARK: Final = "park"
PAIR: Final = "pair"
PAIRING: Final = "pairing"
LOCK_WAIT_S: Final = 2.0
"""For the word of another bridge whose command it may have been: it sees what it did within 0.3 s."""
PLACE_WAIT_S: Final = 15.0
"""Until it is settled who looks after a car that this bridge does not hear any more, but another one may."""
FOLLOWS: Final = 10.0
"""So many times more rarely a bridge asks that does not look after the car."""
MAX_EVENT: Final = 1024
"""Bytes of another bridge's event; what is longer is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a bridge stands to one of its cars, as others decide it."""

    leads: Callable[[], bool] = lambda: True
    """Whether it looks after the car."""
    company: Callable[[], bool] = lambda: False
    """Whether another bridge of the car is heard."""
    away: bool = False
    """Whether the car had driven off when that was noted the last time."""
    note_away: Callable[[bool], None] = field(default=lambda _away: None)


class Happenings:
    """Of all cars of this bridge."""

    def __init__(self, topics: Topics, boot: Boot, tell: Callable[[str, Event], None]) -> None:
        self._topics = topics
        self._boot = boot
        self._tell = tell
        self._watches: dict[str, _Watch] = {}

    @staticmethod
    def subscriptions(topics: Topics) -> tuple[str, ...]:
        """What has to be heard for it: what all bridges tell."""
        return (Topics(topics.base).event(),)

    def join(self, car: Car, status_every_s: float, standing: Standing) -> Observer:
        """Watch a car from now on; gives what has to be among its observers."""
        watch = _Watch(car, self._boot, status_every_s, standing, lambda event: self._tell(car.id, event))
        self._watches[car.id] = watch
        return watch

    def part(self, car: str) -> None:
        """Watch a car no longer."""
        watch = self._watches.pop(car, None)
        if watch is not None:
            watch.close()

    def close(self) -> None:
        """Tell nothing more."""
        for car in list(self._watches):
            self.part(car)

    def station(self, order: Order, result: Result) -> None:
        """A command has reached a station, or its end."""
        watch = self._watches.get(order.car.id)
        if watch is not None:
            watch.station(order, result)

    def takes(self, message: Message) -> bool:
        """Take what a bridge tells of a car, perhaps this one; False for anything else."""
        base, _, rest = message.topic.partition(f"{self._topics.base}/")
        bridge, _, after = rest.partition("/")
        car = after.removesuffix("/event")
        if base or Topics(self._topics.base, bridge).event(car) != message.topic or "/" in car:
            return False
        watch = self._watches.get(car)
        if watch is not None and bridge != self._topics.bridge and not message.retain:
            self._hear(watch, message.payload)
        return True

    @staticmethod
    def _hear(watch: _Watch, payload: bytes) -> None:
        if len(payload) > MAX_EVENT:
            return
        try:
            event = Event.parse(payload).event
        except ContractError as error:
            _LOGGER.debug("Another bridge's event was not understood: %s", error)
            return
        if event in EVENTS:
            watch.told_elsewhere(event)


class _Watch(Observer):
    """One car."""

    def __init__(
        self, car: Car, boot: Boot, status_every_s: float, standing: Standing, tell: Callable[[Event], None]
    ) -> None:
        self._car = car
        self._boot = boot
        self._gap_s = happenings.gap_s(status_every_s)
        self._standing = standing
        self._tell_event = tell
        self._lock = LockWatch()
        self._deeds = Deeds()
        self._whereabouts = Whereabouts(away=standing.away)
        self._elsewhere: dict[str, float] = {}
        """When other bridges told each event the last time."""
        self._silent: asyncio.TimerHandle | None = None
        """Runs while a car does not answer whose way cannot tell whether it is near."""
        self._waiting: set[asyncio.TimerHandle] = set()

    def close(self) -> None:
        """Tell nothing more."""
        if self in self._car.observers:
            self._car.observers.remove(self)
        for timer in (*self._waiting, self._silent):
            if timer is not None:
                timer.cancel()

    # What is heard ----------------------------------------------------------------------------------------------------

    def station(self, order: Order, result: Result) -> None:
        """Note who is about to change the lock; tell how far a pairing is."""
        command, asker = order.command, order.asker
        if command.command == PAIR:
            stage = result.reason if result.outcome.final else result.stage
            if stage is not None:
                self._tell_event(Event(event=PAIRING, boot=self._boot.id, at=self._now(), stage=stage))
        elif result.outcome.final:
            happened = result.outcome is Outcome.UNCONFIRMED or (
                result.outcome is Outcome.CONFIRMED and result.reason != "already_so"
            )
            self._deeds.ended(command.id, self._boot.now(), may_have_happened=happened)
        elif result.outcome is Outcome.SENT:
            self._deeds.sent(command.id)
        else:
            doer = Doer(asker.name) if asker.client is None else Doer(CLIENT, asker.client)
            self._deeds.begun(command.id, command.command, doer)

    def heard_body(self, body: Body, source: str, old_s: float) -> None:
        """See whether the lock has changed, and whether somebody is in the car."""
        now = self._boot.now()
        if body.user_present:
            self._whereabouts.stirred(now)
        follows = not self._standing.leads()
        gap_s = self._gap_s * (FOLLOWS if follows else 1.0)
        change = self._lock.heard(body.locked, now, gap_s, old_s=self._old_s(body.locked, source, old_s))
        if change is not None:
            self._lock_changed(change)
        elif self._lock.blind and body.locked is not None and self._standing.company():
            # Another bridge may have seen it change, and would take what was done here for somebody else's doing.
            self._lock_changed(Change(body.locked, now - LOCK_WAIT_S, assumed=True))

    def _old_s(self, locked: bool | None, source: str, asked_s: float) -> float:  # noqa: FBT001 - what the car said
        """How old this word may be; one that fits what was done here since another bridge's is not old."""
        if locked is not None and self._deeds.doer(Change(locked, self._lock.told_at)) is not None:
            return 0.0
        return happenings.PUSH_S if source == "push" else asked_s

    def heard_state(self, subject: str, state: State) -> None:
        """See whether the car is driven."""
        if subject == "drive" and cast("Drive", state).gear not in (None, PARK):
            self._whereabouts.stirred(self._boot.now())

    def link_changed(self, link: LinkState) -> None:
        """See whether the car is near."""
        near = link.in_range
        if near is None and link.reachable:
            near = True
        silent = near is None and link.reachable is False and link.why_not not in OF_THE_RADIO
        if silent and self._silent is None:
            self._silent = asyncio.get_running_loop().call_later(GONE_S, self._judge, False)
        elif not silent:
            if self._silent is not None:
                self._silent.cancel()
                self._silent = None
            self._judge(near)

    def told_elsewhere(self, event: str) -> None:
        """Another bridge has told of something."""
        now = self._elsewhere[event] = self._boot.now()
        self._lock.told(event, now)
        if event == happenings.DROVE_OFF and not self._whereabouts.near:
            self._set_away(away=True)
        elif event == happenings.ARRIVED:
            self._set_away(away=False)

    # What follows -----------------------------------------------------------------------------------------------------

    def _lock_changed(self, change: Change) -> None:
        doer = self._deeds.doer(change)
        event = Event(event=change.event, boot=self._boot.id, at=self._now())
        if doer is not None:
            self._tell_event(replace(event, by=doer.by, client=doer.client))
        elif not change.assumed:
            self._tell_unless_another_does(replace(event, by=OTHER), LOCK_WAIT_S)

    def _judge(self, near: bool | None) -> None:  # noqa: FBT001 - as `Whereabouts.judge`
        link, before = self._car.link, self._whereabouts.away
        heard_at = max((at for at in (link.heard_at, link.contact_at) if at is not None), default=-math.inf)
        event = self._whereabouts.judge(near, heard_at, self._boot.now())
        if self._whereabouts.away != before:
            self._standing.note_away(self._whereabouts.away)
        if event is not None:
            self._tell_unless_another_does(Event(event=event, boot=self._boot.id, at=self._now()), PLACE_WAIT_S)

    def _set_away(self, *, away: bool) -> None:
        if self._whereabouts.away != away:
            self._whereabouts.away = away
            self._standing.note_away(away)

    def _tell_unless_another_does(self, event: Event, wait_s: float) -> None:
        if not self._standing.company():
            self._tell_event(event)
            return
        noticed = self._boot.now()

        def tell() -> None:
            self._waiting.discard(timer)
            if self._standing.leads() and self._elsewhere.get(event.event, -math.inf) < noticed - wait_s:
                self._tell_event(event)

        timer = asyncio.get_running_loop().call_later(wait_s, tell)
        self._waiting.add(timer)

    def _now(self) -> float:
        return round(self._boot.now(), 3)
