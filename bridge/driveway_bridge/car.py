"""One car as the bridge sees it: who may talk to it when, how it is reached, and what it said last."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

from driveway_bridge.boot import Boot
from driveway_bridge.contract import LinkState
from driveway_bridge.known import BODY, SUBJECTS, Knowledge
from driveway_bridge.lane import GaveWay, Lane, Priority
from driveway_bridge.presence import Presence
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.reasons import OF_THE_RADIO, REASONS

if TYPE_CHECKING:  # these bring the protobuf messages along, which the start of the bridge cannot wait for
    from driveway_bridge.commands.base import Command
    from driveway_bridge.errand import Execution
    from driveway_bridge.link.base import Dialer, Sighting
    from driveway_bridge.state.body import Body
    from driveway_bridge.state.reading import State

_LOGGER = logging.getLogger(__name__)

POLL_S: Final = 8.0
QUIET_S: Final = 5.0
"""A report that says nothing new is not published again within this time."""
NEWS: Final = ("reachable", "linked", "why_not", "in_range", "places_free", "asleep")
"""Changes of these are told at once."""
NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
NOT_REACHED: Final = OF_THE_RADIO | {
    "not_in_range",
    "no_connection",
    "places_full",
    "link_lost",
    "nobody_listening",
    "no_answer",
    "wrong_car",
}
"""Reasons that mean that the car itself did not answer."""


class Vehicle(Protocol):
    """Talks to the car, several requests at once if need be."""

    @property
    def public_key(self) -> bytes:
        """Of our key."""
        ...

    async def execute(
        self,
        command: Command,
        *,
        timeout_s: float | None = ...,
        wake: bool | None = ...,
        linger: bool = ...,
        progress: Callable[[str], None] = ...,
        leave: Callable[[], bool] = ...,
    ) -> Execution:
        """Carry out one request, as `vehicle.Vehicle`; cancelling forgets it."""
        ...

    def give_back(self) -> bool:
        """Give an idle link back; whether there was one."""
        ...

    async def close(self) -> None:
        """Give the link back."""
        ...


class Observer:
    """Hears of one car what it wants to hear: each method may be overridden. Called at once, on the event loop."""

    def heard_body(self, body: Body, source: str, old_s: float) -> None:
        """The car told its body's state: asked `old_s` seconds ago (`read`), or by itself (`push`)."""

    def heard_state(self, subject: str, state: State) -> None:
        """Infotainment answered a question about a subject of `known.SUBJECTS`."""

    def heard_link(self, linked: bool, reason: str | None) -> None:  # noqa: FBT001 - the shape of Vehicle's callback
        """A link was opened, or it is gone: for a reason, or given back; or none came about, for a reason."""

    def link_changed(self, link: LinkState) -> None:
        """How the car is reached has changed: one of NEWS."""

    def sighted(self, sighting: Sighting) -> None:
        """The car was heard without a link."""

    def identified(self, identity: Identity) -> None:
        """Something lasting was learnt of the car, or of our key in it."""

    def paired(self) -> None:
        """A pairing has ended with the car's proof that it knows our key."""

    def executed(self, command: Command, execution: Execution, *, asked: bool) -> None:
        """A request has ended; `asked`: somebody gave it, else the bridge asked for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What stays the same of a car for long, and is remembered over restarts; None: not known yet."""

    address: str | None = None
    """Of its Bluetooth radio."""
    role: str | None = None
    """Of our key, as the car has written it down: a word of `state.keys.Role`."""
    slot: int | None = None
    """Of our key in the car's list."""


class Telling(Protocol):
    """Where the car's news go."""

    def link(self, car: str, state: LinkState) -> None:
        """How the car is reached."""
        ...

    def state(self, car: str, subject: str, document: dict[str, Any]) -> None:
        """What the car said of one subject."""
        ...

    def forget(self, car: str) -> None:
        """The car is no longer this bridge's: nothing is to be found of it any more."""
        ...


@dataclass(frozen=True, slots=True)
class Equipment:
    """By what a car is reached; there once the radio half is loaded."""

    vehicle: Vehicle
    dialer: Dialer
    make: Callable[[str, Mapping[str, object]], Command]
    """`commands.table.build`: a request from its name and arguments; NotAdmitted when there is none such."""


class Car:
    """A car is there from the start; `equip` gives it a way to be talked to once the radio half is loaded."""

    def __init__(self, car_id: str, name: str, boot: Boot, telling: Telling) -> None:
        self.id = car_id
        self.name = name
        self.lane = Lane()
        self.knowledge = Knowledge()
        self.presence = Presence()
        self.identity = Identity()
        self.observers: list[Observer] = []
        self.on_doubt: Callable[[float], None] = lambda _after_s: None
        """Called when the state should be read within so many seconds."""
        self._boot = boot
        self._telling = telling
        self._link = LinkState(boot=boot.id)
        self._link_told_at = float("-inf")
        self._told_at: dict[str, float] = {}
        self._equipment: asyncio.Future[Equipment] = asyncio.get_running_loop().create_future()

    def equip(self, equipment: Equipment) -> None:
        """From now on the car can be talked to."""
        self._equipment.set_result(equipment)
        equipment.dialer.on_sighting(self.heard_sighting)

    async def equipment(self) -> Equipment:
        """Wait for it."""
        return await asyncio.shield(self._equipment)

    @property
    def link(self) -> LinkState:
        """How the car is reached."""
        return self._link

    @property
    def route(self) -> str | None:
        """By which way the car is reached."""
        return self._equipment.result().dialer.name if self._equipment.done() else None

    async def poll(self, name: str = "status", timeout_s: float = POLL_S) -> Execution | None:
        """Ask when nothing else is to be done, without waking the car or keeping the link; None when it gave way."""
        turn = self.lane.enter(Priority.POLL, name)
        try:
            execution = await self.lane.run(turn, lambda: self._ask(name, timeout_s))
        except GaveWay:
            return None
        if self.knowledge.get(BODY, "user_present").value or self._link.places_free is False:
            self.make_room()
        return execution

    async def _ask(self, name: str, timeout_s: float) -> Execution:
        equipment = await self.equipment()
        command = equipment.make(name, NOTHING)
        execution = await equipment.vehicle.execute(command, timeout_s=timeout_s, wake=False, linger=False)
        self.take(command, execution, asked=False)
        return execution

    def take(self, command: Command, execution: Execution, *, asked: bool) -> None:
        """Learn from what became of a request."""
        # Infotainment's silence says nothing of the car: it may just have fallen asleep.
        deaf = execution.reason == "no_answer" and command.domain is Domain.INFOTAINMENT
        if execution.reason in NOT_REACHED and not deaf:
            self._note_link(reachable=False, why_not=execution.reason)
        elif execution.reason != "internal" and not deaf:
            self._note_contact()
        state = execution.state
        subject = SUBJECTS.get(type(state).__name__)
        if state is not None and subject is not None:
            self.heard_state(subject, state)
        for observer in self.observers:
            observer.executed(command, execution, asked=asked)

    def learn(self, **changes: Any) -> None:
        """Note something lasting: fields of `Identity`."""
        identity = replace(self.identity, **changes)
        if identity != self.identity:
            self.identity = identity
            for observer in self.observers:
                observer.identified(identity)

    def note_pairing(self) -> None:
        """The car has proved to a pairing that it knows our key."""
        for observer in self.observers:
            observer.paired()

    async def close(self) -> None:
        """Give the link and the radio back."""
        if self._equipment.done():
            equipment = self._equipment.result()
            await equipment.vehicle.close()
            await equipment.dialer.close()

    # News -------------------------------------------------------------------------------------------------------------

    def tell(self) -> None:
        """Publish what is known, which at first is what was remembered; it replaces what an earlier start left."""
        self._tell_link()
        for subject in self.knowledge:
            self._tell_state(subject)

    def heard_body(self, body: Body, source: str, old_s: float = 0.0) -> None:
        """The car told its body's state, asked `old_s` seconds ago (`read`), or by itself (`push`)."""
        news = self.knowledge.take_body(body, source, self._boot.now())
        self._tell_state_soon(BODY, news=news)
        if body.asleep is not None:
            self._note_link(asleep=body.asleep)
        if self._equipment.done() and self._equipment.result().dialer.listening:
            self.presence.heard(asyncio.get_running_loop().time())  # who answers is near, whatever the radio has heard
        self._note_contact()
        for observer in self.observers:
            observer.heard_body(body, source, old_s)
        if body.user_present:
            self.make_room()

    def heard_state(self, subject: str, state: State) -> None:
        """Infotainment answered a question."""
        news = self.knowledge.take(subject, state, "read", self._boot.now())
        self._tell_state_soon(subject, news=news)
        for observer in self.observers:
            observer.heard_state(subject, state)

    def heard_link(self, linked: bool, reason: str | None) -> None:  # noqa: FBT001 - the shape of Vehicle's callback
        """A link was opened, or it is gone: for a reason, or given back."""
        self._note_link(linked=linked)
        if not linked and reason is not None and not self.lane.busy:
            self.on_doubt(QUIET_S)
        for observer in self.observers:
            observer.heard_link(linked, reason)

    def heard_sighting(self, sighting: Sighting) -> None:
        """The car was heard without a link."""
        self.presence.heard(sighting.at)
        heard_at = round(self._boot.now() - (asyncio.get_running_loop().time() - sighting.at), 1)
        full = sighting.connectable is False
        free = None if sighting.connectable is None else not full
        self._note_link(in_range=True, heard_at=heard_at, signal_dbm=sighting.rssi_dbm, places_free=free)
        for observer in self.observers:
            observer.sighted(sighting)
        if full:
            self.make_room()

    def look_around(self) -> None:
        """See whether the car has not been heard for long; to be called now and then."""
        dialer = self._equipment.result().dialer if self._equipment.done() else None
        listening = dialer is not None and dialer.listening
        self._note_link(in_range=self.presence.judge(asyncio.get_running_loop().time(), listening=listening))

    def make_room(self) -> None:
        """Somebody is at the car, or wants a place of it that we hold: an idle link is theirs."""
        if self._link.linked and self._equipment.done() and not self.lane.busy:
            self._equipment.result().vehicle.give_back()

    def _note_contact(self) -> None:
        self._note_link(reachable=True, why_not=None, contact_at=round(self._boot.now(), 3))

    def _note_link(self, **changes: Any) -> None:
        before, self._link = self._link, replace(self._link, **changes)
        news = any(getattr(before, name) != getattr(self._link, name) for name in NEWS)
        if news or (before != self._link and self._boot.now() - self._link_told_at >= QUIET_S):
            self._tell_link()
        if news:
            for observer in self.observers:
                observer.link_changed(self._link)
        if (self._link.reachable, self._link.why_not) != (before.reachable, before.why_not):
            why_not = REASONS.get(self._link.why_not or "")
            how = "reached" if why_not is None else f"not reached. {why_not.meaning} {why_not.remedy}"
            _LOGGER.info("%s: %s", self.name, how)

    def _tell_link(self) -> None:
        self._link_told_at = self._boot.now()
        self._telling.link(self.id, self._link)

    def _tell_state_soon(self, subject: str, *, news: bool) -> None:
        """Tell what is new at once, and that nothing is new not too often."""
        if news or self._boot.now() - self._told_at.get(subject, float("-inf")) >= QUIET_S:
            self._tell_state(subject)

    def _tell_state(self, subject: str) -> None:
        self._told_at[subject] = self._boot.now()
        time_utc = datetime.now(UTC).isoformat(timespec="seconds")  # for people only; nothing is decided by it
        document = {"boot": self._boot.id, "time": time_utc, **self.knowledge.document(subject)}
        self._telling.state(self.id, subject, document)
