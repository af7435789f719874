"""One car as the bridge sees it: who may talk to it when, how it is reached, and what it said last."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from driveway_bridge.boot import Boot
from driveway_bridge.contract import LinkState, Outcome
from driveway_bridge.known import KnownBody
from driveway_bridge.lane import GaveWay, Lane, Priority
from driveway_bridge.reasons import REASONS

if TYPE_CHECKING:  # these bring the protobuf messages along, which the start of the bridge cannot wait for
    from driveway_bridge.commands.base import Command
    from driveway_bridge.link.base import Dialer
    from driveway_bridge.state.body import Body

_LOGGER = logging.getLogger(__name__)

POLL_S: Final = 8.0
QUIET_S: Final = 5.0
"""A report that says nothing new is not published again within this time."""
NOT_REACHED: Final = frozenset(
    {
        "not_in_range",
        "no_connection",
        "places_full",
        "link_lost",
        "nobody_listening",
        "radio_unavailable",
        "no_answer",
        "wrong_car",
    }
)
"""Reasons that mean that the car itself did not answer."""


class Execution(Protocol):
    """What became of one request to the car."""

    @property
    def outcome(self) -> Outcome:
        """A final one."""
        ...

    @property
    def reason(self) -> str:
        """A code of REASONS."""
        ...

    @property
    def detail(self) -> str:
        """For the log and for those who help."""
        ...

    @property
    def body(self) -> Body | None:
        """The car's status, if it told one."""
        ...

    @property
    def phases_ms(self) -> Mapping[str, float]:
        """Milliseconds by phase."""
        ...


class Vehicle(Protocol):
    """Talks to the car, one request at a time."""

    async def execute(
        self, command: Command, *, timeout_s: float = ..., progress: Callable[[str], None] = ...
    ) -> Execution:
        """Carry out one request; cancelling forgets it."""
        ...

    async def close(self) -> None:
        """Give the link back."""
        ...


class Telling(Protocol):
    """Where the car's news go."""

    def link(self, car: str, state: LinkState) -> None:
        """How the car is reached."""
        ...

    def state(self, car: str, subject: str, document: dict[str, Any]) -> None:
        """What the car said of one subject."""
        ...


@dataclass(frozen=True, slots=True)
class _Equipment:
    vehicle: Vehicle
    dialer: Dialer
    make: Callable[[str], Command]


class Car:
    """A car is there from the start; `equip` gives it a way to be talked to once the radio half is loaded."""

    def __init__(self, car_id: str, name: str, boot: Boot, telling: Telling) -> None:
        self.id = car_id
        self.name = name
        self.lane = Lane()
        self.body = KnownBody()
        self.on_doubt: Callable[[float], None] = lambda _after_s: None
        """Called when the state should be read within so many seconds."""
        self._boot = boot
        self._telling = telling
        self._link = LinkState(boot=boot.id)
        self.links = 0
        """Links that were opened so far."""
        self._link_told_at = self._body_told_at = float("-inf")
        self._equipment: asyncio.Future[_Equipment] = asyncio.get_running_loop().create_future()

    def equip(self, vehicle: Vehicle, dialer: Dialer, make: Callable[[str], Command]) -> None:
        """From now on commands go through `vehicle`; `make` builds the request for a command's name."""
        self._equipment.set_result(_Equipment(vehicle, dialer, make))

    @property
    def route(self) -> str | None:
        """By which way the car is reached."""
        return self._equipment.result().dialer.name if self._equipment.done() else None

    @property
    def links_before(self) -> int:
        """Links that were opened so far, but for the one that is open."""
        return self.links - self._link.linked

    async def execute(
        self, name: str, timeout_s: float, progress: Callable[[str], None] = lambda _stage: None
    ) -> Execution:
        """Carry out a command now; whoever calls has the turn. Waits for the equipment."""
        equipment = await asyncio.shield(self._equipment)
        execution = await equipment.vehicle.execute(equipment.make(name), timeout_s=timeout_s, progress=progress)
        if execution.reason in NOT_REACHED:
            self._note_link(reachable=False, why_not=execution.reason)
        elif execution.reason != "internal":
            self._note_contact()
        return execution

    async def poll(self) -> bool | None:
        """Read the status when nothing else is to be done: whether the car answered, None when it was not asked."""
        turn = self.lane.enter(Priority.POLL, "status")
        try:
            execution = await self.lane.run(turn, lambda: self.execute("status", POLL_S))
        except GaveWay:
            return None
        return execution.outcome is Outcome.CONFIRMED

    async def close(self) -> None:
        """Give the link and the radio back."""
        if self._equipment.done():
            equipment = self._equipment.result()
            await equipment.vehicle.close()
            await equipment.dialer.close()

    # News -------------------------------------------------------------------------------------------------------------

    def tell(self) -> None:
        """Publish what is known, which at first is nothing; that replaces what an earlier start left in the broker."""
        self._tell_link()
        self._tell_body()

    def heard_body(self, body: Body, source: str) -> None:
        """The car told its state, asked (`read`) or by itself (`push`)."""
        now = self._boot.now()
        if self.body.take(body, source, now) or now - self._body_told_at >= QUIET_S:
            self._tell_body()
        self._note_contact()

    def heard_link(self, linked: bool, reason: str | None) -> None:  # noqa: FBT001 - the shape of Vehicle's callback
        """A link was opened, or it is gone: for a reason, or given back."""
        self.links += linked
        self._note_link(linked=linked)
        if not linked and reason is not None and not self.lane.busy:
            self.on_doubt(QUIET_S)

    def look_for_signal(self) -> None:
        """Note when and how well the car was heard without a link."""
        sighting = self._equipment.result().dialer.last_heard if self._equipment.done() else None
        if sighting is not None:
            heard_at = round(self._boot.now() - (time.monotonic() - sighting.at), 1)
            self._note_link(heard_at=heard_at, signal_dbm=sighting.rssi_dbm)

    def _note_contact(self) -> None:
        self._note_link(reachable=True, why_not=None, contact_at=round(self._boot.now(), 3))

    def _note_link(self, **changes: Any) -> None:
        before, self._link = self._link, replace(self._link, **changes)
        news = any(getattr(before, name) != getattr(self._link, name) for name in ("reachable", "linked", "why_not"))
        if news or self._boot.now() - self._link_told_at >= QUIET_S:
            self._tell_link()
        if (self._link.reachable, self._link.why_not) != (before.reachable, before.why_not):
            why_not = REASONS.get(self._link.why_not or "")
            how = "reached" if why_not is None else f"not reached. {why_not.meaning} {why_not.remedy}"
            _LOGGER.info("%s: %s", self.name, how)

    def _tell_link(self) -> None:
        self._link_told_at = self._boot.now()
        self._telling.link(self.id, self._link)

    def _tell_body(self) -> None:
        self._body_told_at = self._boot.now()
        time_utc = datetime.now(UTC).isoformat(timespec="seconds")  # for people only; nothing is decided by it
        self._telling.state(self.id, "body", {"boot": self._boot.id, "time": time_utc, **self.body.document()})
