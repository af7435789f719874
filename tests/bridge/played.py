"""A house of tests: a vehicle, a car played just well enough to be locked, and everything that was told about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from driveway_bridge.commands import security
from driveway_bridge.commands.base import Command
from driveway_bridge.contract import Outcome
from driveway_bridge.errors import LinkLost
from driveway_bridge.link.base import Link, Sighting
from driveway_bridge.proto import VehicleStatus
from driveway_bridge.protocol import framing
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.session_store import ForgetfulStore
from driveway_bridge.state.body import Body
from driveway_bridge.vehicle import Execution, Vehicle
from tests.bridge.protocol.scripted_car import CLIENT, LOCKED, UNLOCKED, VIN, Request, ScriptedCar, read, status

TRUNK = Command(name="trunk", domain=Domain.VEHICLE_SECURITY, payload=bytes.fromhex("22022801"), idempotent=False)
Handler = Callable[["PlayedLink", Request], None]


class PlayedCar:
    """Answers handshakes and readings, does what genuine commands say; `script` replaces it, one entry a request."""

    def __init__(self) -> None:
        self.car = ScriptedCar()
        self.locked = True
        self.script: list[Handler] = []
        self.every: Handler | None = None
        self.done: list[str] = []
        self.commands: list[Request] = []
        self.links: list[PlayedLink] = []
        self.connect: Callable[[], None] = lambda: None
        self.piece = 10_000
        self.booted_at: float | None = None

    def hear(self, link: PlayedLink, framed: bytes) -> None:
        request = read(framed)
        if self.booted_at is None:  # not before: fixtures live on another clock than tests
            self.booted_at = now() - 2650
        self.car.clock = int(now() - self.booted_at)
        if request.signed:
            self.commands.append(request)
        handler = self.every or (self.script.pop(0) if self.script else self.answer)
        handler(link, request)

    def answer(self, link: PlayedLink, request: Request) -> None:
        """What a car does that has no troubles."""
        if request.handshake:
            link.tell(self.car.session_info(request))
        elif not request.signed:
            link.tell(self.car.plain(request, status(self.state())))
        elif request.epoch != self.car.epoch:
            link.tell(self.car.session_info(request, fault=15))
        elif request.expires_at < self.car.clock:
            link.tell(self.car.session_info(request, fault=17))
        elif self.car.plaintext(request) is None:
            link.tell(self.car.session_info(request, fault=5))
        elif request.counter <= self.car.counter:
            link.tell(self.car.session_info(request, fault=6))
        else:
            self.act(request)
            link.tell(self.car.sealed(request))

    def act(self, request: Request) -> None:
        self.car.counter = request.counter
        payload = self.car.plaintext(request)
        words = {security.lock().payload: "lock", security.unlock().payload: "unlock", TRUNK.payload: "trunk"}
        word = words.get(payload or b"", "?")
        self.done.append(word)
        self.locked = {"lock": True, "unlock": False}.get(word, self.locked)

    def state(self) -> VehicleStatus:
        return LOCKED if self.locked else UNLOCKED

    # Troubles, to be put into `script` --------------------------------------------------------------------------------

    def lose_answer(self, link: PlayedLink, request: Request) -> None:
        """It is done, but nobody hears that."""
        self.act(request)

    def lose_request(self, link: PlayedLink, request: Request) -> None:
        """It never arrives."""

    def hang_up(self, link: PlayedLink, request: Request) -> None:
        link.cut()


class PlayedLink:
    """A link in memory; fields make it stuck or breaking."""

    def __init__(self, car: PlayedCar) -> None:
        self._car = car
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.open = True
        self.closed = False
        self.break_on_send: list[bool | None] = []
        self.stuck = False
        self.slow_s = 0.0
        self.slow_to_close = False

    async def send(self, framed: bytes) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        await asyncio.sleep(self.slow_s)
        if self.break_on_send and (may := self.break_on_send.pop(0)) is not None:
            if may:
                self._car.act(read(framed))
            self.cut()
            raise LinkLost("link_lost", may_have_happened=may)
        if not self.open:
            raise LinkLost("link_lost", may_have_happened=False)
        self._car.hear(self, framed)

    async def receive(self) -> bytes:
        data = await self._inbox.get()
        if data is None:
            raise LinkLost("link_lost", "the other side hung up")
        return data

    async def close(self) -> None:
        if self.slow_to_close:
            await asyncio.Event().wait()
        self.open = False
        self.closed = True

    def tell(self, framed: bytes) -> None:
        for piece in framing.split(framed, self._car.piece):
            self._inbox.put_nowait(piece)

    def tell_later(self, seconds: float, framed: bytes) -> None:
        asyncio.get_running_loop().call_later(seconds, self.tell, framed)

    def cut(self) -> None:
        self.open = False
        self._inbox.put_nowait(None)


class PlayedDialer:
    name = "memory"
    last_heard: Sighting | None = None
    listening = False

    def on_sighting(self, tell: Callable[[Sighting], None]) -> None:
        """There is no radio."""

    def __init__(self, car: PlayedCar) -> None:
        self._car = car
        self.prepare: list[Callable[[PlayedLink], None]] = []
        self.delay_s = 0.0

    async def connect(self, deadline_s: float) -> Link:
        await asyncio.sleep(self.delay_s)
        self._car.connect()
        assert not [link for link in self._car.links if not link.closed], "one link at a time"
        link = PlayedLink(self._car)
        if self.prepare:
            self.prepare.pop(0)(link)
        self._car.links.append(link)
        return link

    async def close(self) -> None:
        """Hold nothing."""


class House:
    """A vehicle, its car, and everything that was told about it."""

    def __init__(self) -> None:
        self.car = PlayedCar()
        self.dialer = PlayedDialer(self.car)
        self.store = ForgetfulStore()
        self.told: list[tuple[object, ...]] = []
        self.ages: list[float] = []
        """How old each state may have been, in seconds."""
        self.stages: list[str] = []
        self.vehicle = self.another()

    def another(self, hold_s: float = 10.0) -> Vehicle:
        self.vehicle = Vehicle(
            VIN,
            CLIENT,
            self.dialer,
            self.store,
            hold_s=hold_s,
            on_body=self.on_body,
            on_link=lambda linked, reason: self.told.append(("link", linked, reason)),
            clock=asyncio.get_running_loop().time,
        )
        return self.vehicle

    def on_body(self, body: Body, source: str, old_s: float) -> None:
        self.told.append(("body", body.locked, source))
        self.ages.append(old_s)

    async def do(self, command: Command, timeout_s: float = 8.0) -> Execution:
        self.stages = []
        return await self.vehicle.execute(command, timeout_s=timeout_s, progress=self.stages.append)

    async def acquainted(self) -> None:
        """Go through a handshake and one command first, then forget what was seen."""
        assert (await self.do(security.lock())).outcome is Outcome.CONFIRMED
        self.told.clear()
        self.car.done.clear()
        self.car.commands.clear()

    def cut(self) -> None:
        """Break the first link."""
        self.car.links[0].cut()

    def links(self) -> list[tuple[object, ...]]:
        return [entry[1:] for entry in self.told if entry[0] == "link"]


def now() -> float:
    """The loop's time, which jumps."""
    return asyncio.get_running_loop().time()
