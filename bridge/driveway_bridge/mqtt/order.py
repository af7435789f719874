"""One command that was admitted, and its visit to the car: when its frame may still leave, what is told on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from driveway_bridge.boot import Boot
from driveway_bridge.car import Car
from driveway_bridge.contract import Outcome, Result
from driveway_bridge.lane import GaveWay, Priority, Superseded, TooLate, Turn
from driveway_bridge.mqtt import answer
from driveway_bridge.mqtt.admission import Admitted

if TYPE_CHECKING:
    from driveway_bridge.errand import Execution

ANSWER_S: Final = 8.0
"""For one lock command, everything included, if it lives that long. Others have `vehicle.usual_timeout_s`."""
LEAST_S: Final = 0.2
"""What has less than this left to live is not begun: the car could not answer in time."""
MARGIN_S: Final = 0.1
"""Before the command's end: so the way to the car fails with its own reason, which says more than `expired`."""
_UNDER_WAY: Final = ("sent", "presented", "card", "verifying")
"""Stages from which on something has gone to the car."""


class Order:
    """A command from its admission to its final result."""

    def __init__(self, admitted: Admitted, car: Car, turn: Turn | None, arrived: float) -> None:
        self.command = admitted.command
        self.asker = admitted.asker
        self.entry = admitted.entry
        self.deadline = admitted.deadline
        """On the clock of this boot: its frame leaves before that or never."""
        self.request = admitted.request
        """None until the table of commands is loaded."""
        self.car = car
        self.turn = turn
        """Its place in the car's lane; None for what is done beside it."""
        self.arrived = arrived
        self.waited_ms: float | None = None
        """How long it took until it was begun."""
        self.left = False
        """Whether any byte of it may have gone out."""
        self.sent = False
        """Whether that was told."""
        self.stage: str | None = None
        """The last one that was told."""
        self.task: asyncio.Task[Result] | None = None
        self.waiter: asyncio.Future[Result] | None = None
        """For those who wait for the final result in this process."""

    @property
    def id(self) -> str:
        """The sender's id of the command."""
        return self.command.id

    @property
    def urgent(self) -> bool:
        """Whether nothing may hold it up, not even telling how it goes."""
        return self.entry.priority is Priority.LOCK

    def begins(self, now: float) -> None:
        """Its turn has come, for the first time or once more; TooLate when it is not worth beginning."""
        if self.deadline - now < LEAST_S:
            raise TooLate
        if self.waited_ms is None:
            self.waited_ms = round((now - self.arrived) * 1000, 3)

    def may_begin_again(self) -> bool:
        """Whether it may be done once more after it was broken off: what opens, and toggles, only if nothing left."""
        request = self.request
        return not self.left or (request is not None and (request.reads or request.idempotent) and not self.entry.opens)

    def news(self, stage: str) -> Result | None:
        """What to tell now that a stage is reached; None when that is nothing new, or would hold it up."""
        self.sent, before = self.sent or stage in _UNDER_WAY, self.sent
        if self.urgent:
            return Result(id=self.id, outcome=Outcome.SENT, route=self.car.route) if self.sent and not before else None
        if stage == self.stage:
            return None
        self.stage = stage
        outcome = Outcome.SENT if self.sent else Outcome.ACCEPTED
        return Result(id=self.id, outcome=outcome, stage=stage, route=self.car.route)

    def result(self, outcome: Outcome, reason: str, detail: str = "") -> Result:
        """A result of this command."""
        return Result(id=self.id, outcome=outcome, reason=reason, detail=detail)

    def ended_by(self, end: Superseded | TooLate | GaveWay) -> Result:
        """The result when its turn did not come, or was taken away."""
        if isinstance(end, Superseded):
            return self.result(Outcome.REFUSED, "superseded")
        if isinstance(end, GaveWay) or self.left:  # what had left and is too late now gave way in between
            return self.result(Outcome.UNCONFIRMED, "gave_way")
        return self.result(Outcome.EXPIRED, "expired")

    def unfinished(self, reason: str) -> Result:
        """The result when it is broken off."""
        return self.result(Outcome.UNCONFIRMED if self.left else Outcome.FAILED, reason)


async def visit(order: Order, boot: Boot, *, may_wake: bool, progress: Callable[[str], None]) -> Result:
    """Do it, with the turn in hand. TooLate when its time is over before it has left; NotAdmitted.

    A time to live ends with the first frame that leaves: from then on the answer is waited for. What opens keeps to it
    also with every further frame.
    """
    order.begins(boot.now())
    name, car = order.command.command, order.car
    try:
        async with asyncio.timeout(order.deadline - boot.now()) as unsent:
            equipment = await car.equipment()
            request = order.request = order.request or equipment.make(name, order.command.arguments)
            if name == "wake" and not may_wake and car.link.asleep is not False:
                return order.result(Outcome.REFUSED, "wake_budget_spent")
            left_now = False

            def leave() -> bool:
                nonlocal left_now
                if left_now and not order.entry.opens:
                    return True
                # The bridge may have hung or slept meanwhile, which its own timers notice too late.
                if unsent.expired() or boot.now() > order.deadline:
                    return False
                unsent.reschedule(None)
                order.left = left_now = True
                return True

            timeout_s = min(ANSWER_S, order.deadline - boot.now() - MARGIN_S) if order.urgent else None
            wake = None if may_wake or request.reads else False
            vehicle = equipment.vehicle
            execution = await vehicle.execute(request, timeout_s=timeout_s, wake=wake, progress=progress, leave=leave)
    except TimeoutError:
        raise TooLate from None
    car.take(request, execution, asked=True)
    if wake is False and execution.reason == "car_asleep":
        return order.result(Outcome.REFUSED, "wake_budget_spent")
    if execution.reason == "expired":
        if order.left:
            return order.result(Outcome.UNCONFIRMED, "no_answer")
        raise TooLate
    return _told(order, execution, reads=request.reads)


def _told(order: Order, execution: Execution, *, reads: bool) -> Result:
    return Result(
        id=order.id,
        outcome=execution.outcome,
        reason=execution.reason,
        detail=execution.detail,
        phases_ms=execution.phases_ms,
        data=answer.data(execution.state) if reads else None,
    )
