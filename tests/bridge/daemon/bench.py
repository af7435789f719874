"""The bridge from the router to the car without a broker: messages go in by hand, results are kept."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from driveway_bridge.audit.record import Record
from driveway_bridge.boot import Boot
from driveway_bridge.car import Car, Equipment
from driveway_bridge.commands import table
from driveway_bridge.commands.base import Command as CarCommand
from driveway_bridge.contract import CarInfo, Command, Info, Outcome, Result, Signer
from driveway_bridge.contract_topics import Topics
from driveway_bridge.lane import Priority
from driveway_bridge.link.base import Link, Sighting
from driveway_bridge.mqtt.admission import Admission
from driveway_bridge.mqtt.catalogue import CATALOGUE
from driveway_bridge.mqtt.client import Message
from driveway_bridge.mqtt.publisher import Publisher
from driveway_bridge.mqtt.router import Router
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.state.body import Body, LockState
from driveway_bridge.state.reading import State

CODE = "0123-4567-89AB-CDEF-GHJK"
CAR = "car-00000001"
OTHER = "car-00000002"


@dataclass
class Clock:
    """Runs with the loop's clock, and can be put forward, and stopped."""

    ahead: float = 0.0
    stopped_at: float | None = None

    def __call__(self) -> float:
        now = asyncio.get_running_loop().time() if self.stopped_at is None else self.stopped_at
        return now + self.ahead

    def stop(self) -> None:
        self.stopped_at = asyncio.get_running_loop().time()


@dataclass(frozen=True, kw_only=True)
class Done:
    """An execution, as the vehicle gives it back."""

    outcome: Outcome = Outcome.CONFIRMED
    reason: str = "done"
    detail: str = ""
    body: Body | None = None
    state: State | Body | None = None
    wakes: int = 0
    phases_ms: Mapping[str, float] = field(default_factory=lambda: {"total": 1.0})


class FakeVehicle:
    """A car on a leash: every request waits before it is sent and before it is answered, unless `at_once`."""

    public_key = bytes(65)

    def __init__(self, on_body: Callable[[Body, str, float], None]) -> None:
        self.on_body = on_body
        self.at_once = True
        self.asleep = False
        """Whether infotainment has to be woken."""
        self.answer = Done()
        self.answers: dict[str, Done] = {}
        """By the name of the command, where they differ."""
        self.begun: list[str] = []
        self.frames: list[str] = []
        """Commands that left."""
        self.cancelled: list[str] = []
        self.ended: list[str] = []
        self.timeouts: list[float | None] = []
        self.commands: list[CarCommand] = []
        self.given_back = 0
        self.fails: Exception | None = None
        self.closed = False
        self._send = asyncio.Event()
        self._finish = asyncio.Event()
        self._begun = asyncio.Condition()

    async def execute(
        self,
        command: CarCommand,
        *,
        timeout_s: float | None = None,
        wake: bool | None = None,
        linger: bool = True,
        progress: Callable[[str], None] = lambda _stage: None,
        leave: Callable[[], bool] = lambda: True,
    ) -> Done:
        self.begun.append(command.name)
        self.commands.append(command)
        self.timeouts.append(timeout_s)
        async with self._begun:
            self._begun.notify_all()
        try:
            progress("connecting")
            if command.domain is Domain.INFOTAINMENT and self.asleep:
                if wake is False or (wake is None and command.reads):
                    return Done(outcome=Outcome.FAILED, reason="car_asleep")
                progress("waking")
            if not self.at_once:
                await self._send.wait()
            if self.fails:
                raise self.fails
            if not leave():
                return Done(outcome=Outcome.FAILED, reason="expired")
            self.frames.append(command.name)
            progress("sent")
            if not self.at_once:
                await self._finish.wait()
        except asyncio.CancelledError:
            self.cancelled.append(command.name)
            raise
        self.ended.append(command.name)
        answer = self.answers.get(command.name, self.answer)
        if answer.body is not None:
            self.on_body(answer.body, "read", 0.0)
        return answer

    def give_back(self) -> bool:
        self.given_back += 1
        return True

    def hold(self) -> None:
        """From now on every request waits."""
        self.at_once = False
        self._send.clear()
        self._finish.clear()

    def let_send(self) -> None:
        self._send.set()

    def go_on(self) -> None:
        """Let everything be sent and answered."""
        self._send.set()
        self._finish.set()

    async def until_begun(self, *names: str) -> None:
        async with asyncio.timeout(5), self._begun:
            await self._begun.wait_for(lambda: self.begun == list(names))

    async def close(self) -> None:
        self.closed = True


class FakeDialer:
    name = "memory"

    def __init__(self) -> None:
        self.last_heard: Sighting | None = None
        self.listening = False
        self.closed = False

    def on_sighting(self, tell: Callable[[Sighting], None]) -> None:
        self.tell = tell

    async def connect(self, deadline_s: float) -> Link:
        raise AssertionError("the fake vehicle does not dial")

    async def close(self) -> None:
        self.closed = True


class Bench:
    """Two cars; `give` puts a command in and the results come out in `results`."""

    def __init__(self, *, equipped: bool = True) -> None:
        self.clock = Clock()
        self.boot = Boot(self.clock)
        self.signer = Signer.from_code(CODE)
        self.topics = Topics("driveway", "bridge-1")
        self.sent: list[tuple[str, str, bool]] = []
        self.connected = True
        info = Info(
            bridge="bridge-1", name="Test", version="0", boot=self.boot.id, cars=(CarInfo(id=CAR, name="Anna"),)
        )
        self.publisher = Publisher(self.topics, self.boot, info, self._send)
        self.cars = {car: Car(car, car[-1], self.boot, self.publisher) for car in (CAR, OTHER)}
        self.car = self.cars[CAR]
        self.vehicles = {car: FakeVehicle(self.cars[car].heard_body) for car in self.cars}
        self.vehicle = self.vehicles[CAR]
        self.dialer = FakeDialer()
        self.admission = Admission(self.boot.id, self.cars, [self.signer], CATALOGUE)
        self.wakes_left = 100
        self.logged: list[Record] = []
        self.operations: dict[str, Any] = {}
        self._equipped = equipped
        self._group = asyncio.TaskGroup()
        self._ids = itertools.count()
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self.router = Router(
            self.topics,
            self.boot,
            self.admission,
            self.cars,
            self.publisher,
            self._group,
            may_wake=lambda _car: self.wakes_left > 0,
            on_end=self.logged.append,
            operations=self.operations,
        )
        if self._equipped:
            self.equip()
        return self

    def equip(self) -> None:
        """Load what talks to cars."""
        self.admission.make = table.build
        for name, car in self.cars.items():
            vehicle: Any = self.vehicles[name]
            car.equip(Equipment(vehicle, self.dialer, table.build))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.router.stop(0)
        await self._group.__aexit__(kind, error, at)

    def _send(self, topic: str, payload: str, *, retain: bool = False, qos: int = 0) -> bool:
        if self.connected:
            self.sent.append((topic, payload, retain))
            self._news.set()
        return self.connected

    # In ---------------------------------------------------------------------------------------------------------------

    def command(self, name: str = "lock", *, car: str = CAR, **changes: Any) -> Command:
        fields: dict[str, Any] = {
            "id": f"id-{next(self._ids)}",
            "client": self.signer.client,
            "car": car,
            "command": name,
            "boot": self.boot.id,
            "issued": self.boot.now(),
        } | changes
        return Command(**fields)

    def give(self, name: str = "lock", *, car: str = CAR, **changes: Any) -> str:
        """Give a signed command; its id."""
        command = self.command(name, car=car, **changes)
        self.put(command.signed(self.signer), car=car)
        return command.id

    def put(self, payload: str | bytes, *, car: str = CAR, retain: bool = False) -> None:
        data = payload.encode() if isinstance(payload, str) else payload
        self.router.receive(Message(self.topics.command(car), data, retain))

    # Out --------------------------------------------------------------------------------------------------------------

    def results(self, command_id: str | None = None) -> list[Result]:
        parsed = [Result.parse(payload) for topic, payload, _ in self.sent if topic.endswith("/result")]
        return [result for result in parsed if result.id == command_id]

    async def final(self, command_id: str | None) -> Result:
        async with asyncio.timeout(10):
            while not (found := [result for result in self.results(command_id) if result.outcome.final]):
                self._news.clear()
                await self._news.wait()
        assert len(found) == 1
        return found[0]

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until something that was told has made it true."""
        async with asyncio.timeout(10):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def until_told(self, count: int, command_id: str) -> None:
        """Wait for so many results of a command."""
        await self.until(lambda: len(self.results(command_id)) >= count)

    async def until_free(self) -> None:
        """Wait until nothing is done with the car any more."""
        turn = self.car.lane.enter(Priority.POLL, "nothing")
        await self.car.lane.run(turn, lambda: asyncio.sleep(0))

    def told(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for where, payload, _ in self.sent if where == topic]


LOCKED = Body(lock=LockState.LOCKED, asleep=False, user_present=False)
