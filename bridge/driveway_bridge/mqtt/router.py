"""Commands on their way: from what arrived over MQTT, through the lane, to the car; and each to one final result."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from driveway_bridge.audit.record import MQTT, Record, told
from driveway_bridge.boot import Boot
from driveway_bridge.car import Car
from driveway_bridge.clients import UNSIGNED
from driveway_bridge.commands.parameter import check_arguments
from driveway_bridge.contract import MAX_TTL_S, Command, Outcome, Result
from driveway_bridge.contract_topics import Topics, valid_name
from driveway_bridge.errors import NotAdmitted
from driveway_bridge.lane import Full, GaveWay, Superseded, TooLate
from driveway_bridge.mqtt.admission import Admission, Admitted, Asker, Refusal
from driveway_bridge.mqtt.order import Order, visit
from driveway_bridge.mqtt.publisher import Publisher

if TYPE_CHECKING:
    from driveway_bridge.mqtt.client import Message
    from driveway_bridge.mqtt.ear import Ear
    from driveway_bridge.operations import Operation

_LOGGER = logging.getLogger(__name__)

DOUBT_S: Final = 0.3
_NONE: Final[Mapping[str, Operation]] = MappingProxyType({})


class Router:
    """Takes what arrives on the bridge's topics. Its tasks run in the given group.

    `cars` may change while it runs: then `cars_changed` has to be called. `may_wake(car)` tells whether the bridge may
    wake that car once more; `on_end` hears of each command how it ended, also of those that were not passed on;
    `on_station` of those that were passed on each result that is published.
    """

    def __init__(
        self,
        topics: Topics,
        boot: Boot,
        admission: Admission,
        cars: Mapping[str, Car],
        publisher: Publisher,
        tasks: asyncio.TaskGroup,
        *,
        may_wake: Callable[[str], bool] = lambda _car: True,
        on_end: Callable[[Record], None] = lambda _record: None,
        on_station: Callable[[Order, Result], None] = lambda _order, _result: None,
        operations: Mapping[str, Operation] = _NONE,
        ear: Ear | None = None,
    ) -> None:
        self._prefix, self._suffix = topics.command("\0").split("\0")
        self._topics = topics
        self._boot = boot
        self._admission = admission
        self._cars = cars
        self._publisher = publisher
        self._tasks = tasks
        self._may_wake = may_wake
        self._on_end = on_end
        self._on_station = on_station
        self.operations = operations
        """What the bridge does itself, by name; needed when a car has its equipment."""
        self.ear = ear
        self._orders: dict[str, Order] = {}
        self._stopping = False
        self._unanswered = 0
        admission.role = self._role

    @property
    def queue(self) -> Mapping[str, int]:
        """How many commands for each car have no final result yet."""
        counts = dict.fromkeys(self._cars, 0)
        for order in self._orders.values():
            counts[order.car.id] = counts.get(order.car.id, 0) + 1
        return counts

    def receive(self, message: Message) -> None:
        """Take one message: a request for the clock, our own probe, or a command for a car."""
        if message.topic == self._topics.clock_request:
            self._publisher.clock_soon()
            if self.ear is not None:
                self.ear.note_sender()
            return
        car = message.topic.removeprefix(self._prefix).removesuffix(self._suffix)
        if self._topics.command(car) != message.topic:
            return
        if not message.payload:  # how a stored command is taken out of the broker
            return
        if self.ear is not None and self.ear.hears(car, message):
            return
        now = self._boot.now()
        verdict = self._admission.judge(car=car, payload=message.payload, retained=message.retain, now=now)
        if self.ear is not None and (isinstance(verdict, Admitted) or verdict.command is not None):
            self.ear.note_sender()
        if isinstance(verdict, Refusal):
            self.refuse(car, verdict)
        else:
            self._take(verdict, now)

    async def ask(self, car: str, name: str, arguments: Mapping[str, object], *, asked_by: str) -> Result:
        """Do for somebody on the bridge itself what a signed command would do; the final result.

        It is published like any other. Who is cancelled here only stops waiting: the command goes on.
        """
        order = self.begin(car, name, arguments, asked_by=asked_by)
        if isinstance(order, Result):
            return order
        order.waiter = asyncio.get_running_loop().create_future()
        return await asyncio.shield(order.waiter)

    def begin(
        self,
        car: str,
        name: str,
        arguments: Mapping[str, object],
        *,
        asked_by: str,
        command_id: str | None = None,
        age_s: float = 0.0,
    ) -> Order | Result:
        """Begin with what needs no signature and was given `age_s` ago at most; a final result if it ends here."""
        now = self._boot.now()
        command = Command(
            id=command_id or secrets.token_hex(8),
            client=asked_by,
            car=car,
            command=name,
            boot=self._boot.id,
            issued=now - age_s,
            ttl=MAX_TTL_S,
            arguments=dict(arguments),
        )
        verdict = self._admission.judge_own(command)
        if isinstance(verdict, Refusal):
            self.refuse(car, verdict)
            return verdict.result
        return self._take(verdict, now)

    def cars_changed(self) -> None:
        """Take commands for the cars that there are now; those for others end."""
        self._admission.set_cars(self._cars.keys())
        for order in list(self._orders.values()):
            if self._cars.get(order.car.id) is not order.car and order.task is not None:
                order.task.cancel()

    async def stop(self, within_s: float) -> None:
        """Take nothing more; let what the car is doing end, at most so many seconds, and tell the rest."""
        self._stopping = True
        tasks = []
        for order in list(self._orders.values()):
            if order.task is not None:
                tasks.append(order.task)
                if order.waited_ms is None or order.turn is None:
                    order.task.cancel()
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=within_s)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    # One command ------------------------------------------------------------------------------------------------------

    def _role(self, car: str) -> str | None:
        known = self._cars.get(car)
        return None if known is None else known.identity.role

    def refuse(self, car: str, refusal: Refusal) -> None:
        """End what is not to be passed on: tell it, and write it down."""
        self._on_end(self._record_of_refusal(car, refusal))
        if not refusal.answer:
            self._unanswered += 1
            return
        result = refusal.result
        if result.id in self._orders:  # whoever gave it waits for its own result and must not take this one for it
            result = replace(result, id=None)
        if self._unanswered:
            _LOGGER.warning("%d more refused commands were not answered", self._unanswered)
            self._unanswered = 0
        named = valid_name(car)  # else it is a stranger's text, which is repeated nowhere
        whose = car if named else "a car that cannot be"
        _LOGGER.warning("A command for %s was not passed on: %s %s", whose, result.reason, result.detail)
        if named:
            self._publisher.result(car, result)

    def _take(self, admitted: Admitted, now: float) -> Order | Result:
        """Begin with a command; a final result if that is not possible."""
        command, entry = admitted.command, admitted.entry
        car = self._cars.get(command.car)
        if command.id in self._orders:  # another client's
            return self._turn_away(admitted, "replayed", answered=False)
        if self._stopping or car is None:
            return self._turn_away(admitted, "stopping")
        turn = None
        if entry.operation:
            if not command.command.endswith("_cancel") and self._operates(car):
                return self._turn_away(admitted, "pairing_runs")
        else:
            try:
                turn = car.lane.enter(entry.priority, command.command, entry.subject)
            except Full:
                return self._turn_away(admitted, "too_many")
        order = self._orders[command.id] = Order(admitted, car, turn, now)
        self._tell(order, Result(id=command.id, outcome=Outcome.ACCEPTED))
        order.task = self._tasks.create_task(self._carry(order))
        order.task.add_done_callback(partial(self._end, order))
        return order

    def _turn_away(self, admitted: Admitted, reason: str, *, answered: bool = True) -> Result:
        command = admitted.command
        result = Result(id=command.id if answered else None, outcome=Outcome.REFUSED, reason=reason)
        self._publisher.result(command.car, result)
        self._on_end(self._record(command, admitted.asker, result))
        return result

    def _operates(self, car: Car) -> bool:
        return any(order.car is car and order.turn is None for order in self._orders.values())

    async def _carry(self, order: Order) -> Result:
        try:
            return await self._attempt(order)
        except (Superseded, TooLate, GaveWay) as end:
            return order.ended_by(end)
        except NotAdmitted as error:  # what could not be judged before the table of commands was loaded
            return order.result(Outcome.REFUSED, error.reason, error.detail)
        except Exception:
            _LOGGER.exception("A command failed inside the bridge")
            return order.unfinished("internal")

    async def _attempt(self, order: Order) -> Result:
        progress = partial(self._tell_stage, order)
        if order.turn is None:
            return await self._operate(order, progress)

        def job() -> Awaitable[Result]:
            client = order.asker.client
            if client is not None and not order.left and not self._admission.still_knows(client):
                raise NotAdmitted("unknown_client")  # it was revoked while the command waited
            may_wake = order.urgent or self._may_wake(order.car.id)
            return visit(order, self._boot, may_wake=may_wake, progress=progress)

        within_s = order.deadline - self._boot.now()
        return await order.car.lane.run(order.turn, job, within_s, again=order.may_begin_again)

    async def _operate(self, order: Order, progress: Callable[[str], None]) -> Result:
        name, arguments = order.command.command, order.command.arguments
        try:
            async with asyncio.timeout(order.deadline - self._boot.now()):
                await order.car.equipment()
        except TimeoutError:
            raise TooLate from None
        operation = self.operations.get(name)
        if operation is None:
            raise NotAdmitted("unknown_command")
        check_arguments(name, operation.parameters, arguments)
        order.begins(self._boot.now())
        order.left = True
        done = await operation.run(order.car, arguments, progress)
        return replace(order.result(done.outcome, done.reason, done.detail), data=done.data)

    def _tell_stage(self, order: Order, stage: str) -> None:
        news = order.news(stage)
        if news is not None:
            self._tell(order, news)

    def _tell(self, order: Order, result: Result) -> None:
        self._publisher.result(order.car.id, result)
        self._on_station(order, result)

    def _end(self, order: Order, task: asyncio.Task[Result]) -> None:
        """Tell the one final result, also of a task that was cancelled, even before it began."""
        if order.turn is not None:
            order.car.lane.leave(order.turn)
        del self._orders[order.id]
        result = order.unfinished("stopping") if task.cancelled() else task.result()
        phases = dict(result.phases_ms)
        if order.waited_ms is not None:
            phases["waiting"] = order.waited_ms
        result = replace(result, route=order.car.route, phases_ms=phases)
        _LOGGER.info("%s: %s %s (%s)", order.car.name, order.command.command, result.outcome.value, result.reason)
        self._tell(order, result)
        if order.waiter is not None:
            order.waiter.set_result(result)
        if order.left and order.turn is not None:
            order.car.on_doubt(DOUBT_S)  # only the car says what it is like now
        ms = round((self._boot.now() - order.arrived) * 1000, 3)
        # Arguments that were not judged may hold anything.
        arguments = told(order.command.arguments) if order.left or order.request is not None else {}
        self._on_end(self._record(order.command, order.asker, result, arguments=arguments, sent=order.left, ms=ms))

    # The audit --------------------------------------------------------------------------------------------------------

    def _record_of_refusal(self, car: str, refusal: Refusal) -> Record:
        if refusal.command is None or refusal.asker is None:
            # What a stranger writes is repeated nowhere.
            asker = refusal.asker or Asker(UNSIGNED)
            return self._record(None, asker, refusal.result, car=car if car in self._cars else None)
        return self._record(refusal.command, refusal.asker, refusal.result)

    def _record(
        self, command: Command | None, asker: Asker, result: Result, *, car: str | None = None, **more: Any
    ) -> Record:
        over_mqtt = asker.client is not None or asker.name == UNSIGNED
        return Record(
            boot_s=round(self._boot.now(), 3),
            who=asker.name,
            client=asker.client,
            path=MQTT if over_mqtt else asker.name,
            car=car if command is None else command.car,
            command=None if command is None else command.command,
            outcome=result.outcome.value,
            reason=result.reason or "",
            detail=result.detail,
            route=result.route,
            **more,
        )
