"""Commands on their way: from what arrived over MQTT, through the lane, to the car; and each to one final result."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from driveway_bridge.boot import Boot
from driveway_bridge.car import Car
from driveway_bridge.contract import Outcome, Result, Topics, valid_name
from driveway_bridge.lane import Full, Superseded, TooLate, Turn
from driveway_bridge.mqtt.admission import Admission, Admitted, Refusal
from driveway_bridge.mqtt.publisher import Publisher

if TYPE_CHECKING:
    from driveway_bridge.mqtt.client import Message

_LOGGER = logging.getLogger(__name__)

ANSWER_S: Final = 8.0
"""For one request to the car, everything included, if the command lives that long."""
LEAST_S: Final = 0.2
"""What has less than this left to live is not begun: the car could not answer in time."""
MARGIN_S: Final = 0.1
"""Before the command's end: so the way to the car fails with its own reason, which says more than `expired`."""
DOUBT_S: Final = 0.3


class _Order:
    """A command that was admitted, until its final result."""

    def __init__(self, admitted: Admitted, car: Car, turn: Turn, arrived: float) -> None:
        self.admitted = admitted
        self.car = car
        self.turn = turn
        self.arrived = arrived
        self.waited_ms: float | None = None
        self.sent = False
        """The car's half has said so."""
        self.may_have_left = False
        """Whether any byte of it may have gone out."""
        self.task: asyncio.Task[Result] | None = None

    @property
    def id(self) -> str:
        """The sender's id of the command."""
        return self.admitted.command.id


class Router:
    """Takes what arrives on the bridge's topics. Its tasks run in the given group."""

    def __init__(
        self,
        topics: Topics,
        boot: Boot,
        admission: Admission,
        cars: Mapping[str, Car],
        publisher: Publisher,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._prefix, self._suffix = topics.command("\0").split("\0")
        self._topics = topics
        self._boot = boot
        self._admission = admission
        self._cars = cars
        self._publisher = publisher
        self._tasks = tasks
        self._orders: dict[str, _Order] = {}
        self._stopping = False
        self._unanswered = 0

    def receive(self, message: Message) -> None:
        """Take one message: a request for the clock, or a command for a car."""
        if message.topic == self._topics.clock_request:
            self._publisher.clock_soon()
            return
        car = message.topic.removeprefix(self._prefix).removesuffix(self._suffix)
        if self._topics.command(car) != message.topic or not valid_name(car):
            return
        if not message.payload:  # how a stored command is taken out of the broker
            return
        now = self._boot.now()
        verdict = self._admission.judge(car=car, payload=message.payload, retained=message.retain, now=now)
        if isinstance(verdict, Refusal):
            self._refuse(car, verdict)
        else:
            self._take(self._cars[car], verdict, now)

    async def stop(self, within_s: float) -> None:
        """Take nothing more; let what the car is doing end, at most so many seconds, and tell the rest."""
        self._stopping = True
        tasks = []
        for order in list(self._orders.values()):
            if order.task is not None:
                tasks.append(order.task)
                if order.waited_ms is None:
                    order.task.cancel()
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=within_s)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    # One command ------------------------------------------------------------------------------------------------------

    def _refuse(self, car: str, refusal: Refusal) -> None:
        if not refusal.answer:
            self._unanswered += 1
            return
        result = refusal.result
        if result.id in self._orders:  # whoever gave it waits for its own result and must not take this one for it
            result = replace(result, id=None)
        if self._unanswered:
            _LOGGER.warning("%d more refused commands were not answered", self._unanswered)
            self._unanswered = 0
        _LOGGER.warning("A command for %s was not passed on: %s %s", car, result.reason, result.detail)
        self._publisher.result(car, result)

    def _take(self, car: Car, admitted: Admitted, now: float) -> None:
        command = admitted.command
        refused = Result(id=command.id, outcome=Outcome.REFUSED)
        if command.id in self._orders:  # another client's
            self._publisher.result(car.id, replace(refused, id=None, reason="replayed"))
            return
        if self._stopping:
            self._publisher.result(car.id, replace(refused, reason="stopping"))
            return
        try:
            turn = car.lane.enter(admitted.entry.priority, command.command)
        except Full:
            self._publisher.result(car.id, replace(refused, reason="too_many"))
            return
        order = self._orders[command.id] = _Order(admitted, car, turn, now)
        self._publisher.result(car.id, Result(id=command.id, outcome=Outcome.ACCEPTED))
        order.task = self._tasks.create_task(self._carry(order))
        order.task.add_done_callback(partial(self._end, order))

    async def _carry(self, order: _Order) -> Result:
        try:
            return await self._attempt(order)
        except Exception:
            _LOGGER.exception("A command failed inside the bridge")
            return _unfinished(order, "internal")

    def _end(self, order: _Order, task: asyncio.Task[Result]) -> None:
        """Tell the one final result, also of a task that was cancelled, even before it began."""
        order.car.lane.leave(order.turn)
        del self._orders[order.id]
        result = _unfinished(order, "stopping") if task.cancelled() else task.result()
        phases = dict(result.phases_ms)
        if order.waited_ms is not None:
            phases["waiting"] = order.waited_ms
        name = order.admitted.command.command
        _LOGGER.info("%s: %s %s (%s)", order.car.name, name, result.outcome.value, result.reason)
        self._publisher.result(order.car.id, replace(result, route=order.car.route, phases_ms=phases))
        if order.may_have_left:
            order.car.on_doubt(DOUBT_S)  # only the car says what it is like now

    async def _attempt(self, order: _Order) -> Result:
        within_s = order.admitted.deadline - self._boot.now()
        try:
            return await order.car.lane.run(order.turn, lambda: self._execute(order), within_s)
        except Superseded:
            return Result(id=order.id, outcome=Outcome.REFUSED, reason="superseded")
        except TooLate:
            if order.may_have_left:  # and then it had to give way, or it took too long
                return Result(id=order.id, outcome=Outcome.UNCONFIRMED, reason="no_answer")
            return Result(id=order.id, outcome=Outcome.EXPIRED, reason="expired")

    async def _execute(self, order: _Order) -> Result:
        left = order.admitted.deadline - self._boot.now()
        if left < LEAST_S:
            raise TooLate
        if order.waited_ms is None:
            order.waited_ms = round((self._boot.now() - order.arrived) * 1000, 3)
        links = order.car.links_before
        try:
            async with asyncio.timeout(left) as unsent:

                def progress(stage: str) -> None:
                    if stage == "sent":
                        if not unsent.expired():
                            unsent.reschedule(None)  # it has left in time: from now on its answer is waited for
                        self._note_sent(order)

                timeout_s = min(ANSWER_S, left - MARGIN_S)
                execution = await order.car.execute(order.admitted.command.command, timeout_s, progress)
        except TimeoutError:
            raise TooLate from None
        finally:
            # Of what is broken off we know no more than this: without a link nothing has left.
            order.may_have_left = order.may_have_left or order.sent or order.car.links > links
        return Result(
            id=order.id,
            outcome=execution.outcome,
            reason=execution.reason,
            detail=execution.detail,
            phases_ms=execution.phases_ms,
        )

    def _note_sent(self, order: _Order) -> None:
        if not order.sent:
            order.sent = True
            self._publisher.result(order.car.id, Result(id=order.id, outcome=Outcome.SENT, route=order.car.route))


def _unfinished(order: _Order, reason: str) -> Result:
    outcome = Outcome.UNCONFIRMED if order.may_have_left else Outcome.FAILED
    return Result(id=order.id, outcome=outcome, reason=reason)
