"""The asyncio skin of the virtual car: it gives the endpoints a clock, and their bytes a way out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from driveway_bridge.link.memory import Plug
from driveway_bridge.simulator.endpoint import Endpoint
from driveway_bridge.simulator.virtual_car import PlacesTaken, VirtualCar

__all__ = ["LiveCar", "PlacesTaken"]


class _Socket:
    """The car's end of one link, as links know it."""

    def __init__(
        self, live: LiveCar, endpoint: Endpoint, send: Callable[[bytes], None], hang_up: Callable[[], None]
    ) -> None:
        self.endpoint = endpoint
        self.send = send
        self.hang_up = hang_up
        self._live = live

    def feed(self, data: bytes) -> None:
        """Take bytes from the client."""
        self._live.feed(self, data)

    def detach(self) -> None:
        """The client has hung up."""
        self._live.unplug(self)


class LiveCar:
    """A virtual car that runs on the event loop's clock; use it within the loop and `close` it."""

    def __init__(self, virtual: VirtualCar) -> None:
        self.virtual = virtual
        self.in_range = True
        """Whether links can reach it."""
        self.on_places: list[Callable[[int], None]] = []
        """Told how many places are free whenever that has changed."""
        self._places_free = virtual.places_free
        self._loop = asyncio.get_running_loop()
        self._sockets: list[_Socket] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._run()

    def attach(self, send: Callable[[bytes], None], hang_up: Callable[[], None]) -> Plug:
        """Open a link: the car calls `send` with framed bytes, `hang_up` to drop it. Raises PlacesTaken."""
        socket = _Socket(self, self.virtual.connect(self._loop.time()), send, hang_up)
        self._sockets.append(socket)
        self._run()
        return socket

    @property
    def now(self) -> float:
        """The loop's clock."""
        return self._loop.time()

    def do(self, verb: Callable[[], None]) -> None:
        """Let something happen to the car now, and the links hear of it."""
        self.virtual.settle(self._loop.time())
        verb()
        self._run()

    def drop(self) -> None:
        """Hang up on everybody."""
        for endpoint in list(self.virtual.endpoints):
            endpoint.hang_up()
        self._run()

    def close(self) -> None:
        """Hang up and stop the clock."""
        self.drop()
        self._closed = True
        if self._timer:
            self._timer.cancel()

    # For sockets.

    def feed(self, socket: _Socket, data: bytes) -> None:
        """Take bytes for one link, while it is one."""
        if socket not in self._sockets:
            return
        socket.endpoint.receive_data(data, self._loop.time())
        self._run()

    def unplug(self, socket: _Socket) -> None:
        """Forget a link."""
        if socket in self._sockets:
            self._forget(socket)
            self._run()

    def _run(self) -> None:
        """Do what is due on every link, send what came of it, and come back at the next deadline."""
        now = self._loop.time()
        self.virtual.settle(now)
        for socket in list(self._sockets):
            socket.endpoint.handle_deadline(now)
        for socket in list(self._sockets):
            for piece in socket.endpoint.data_to_send():
                socket.send(piece)
            if socket.endpoint.hung_up:
                self._forget(socket)
                socket.hang_up()
        if self._places_free != self.virtual.places_free:
            self._places_free = self.virtual.places_free
            for tell in self.on_places:
                tell(self._places_free)
        self._sleep_until_next()

    def _forget(self, socket: _Socket) -> None:
        if socket in self._sockets:
            self._sockets.remove(socket)
            self.virtual.disconnect(socket.endpoint)

    def _sleep_until_next(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._closed:
            return
        deadlines = [self.virtual.next_deadline(), *(socket.endpoint.next_deadline() for socket in self._sockets)]
        due = min((deadline for deadline in deadlines if deadline is not None), default=None)
        self._timer = None if due is None else self._loop.call_at(due, self._run)
