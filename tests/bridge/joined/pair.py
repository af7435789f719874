"""Client and car joined in memory, without an event loop: two objects, one clock that is a plain number, a loop."""

from __future__ import annotations

import random
from typing import Any

from driveway_bridge.commands.base import Command
from driveway_bridge.protocol.connection import Connection
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.events import Broadcast, Outcome, Refused, Reply, Unanswered
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.protocol.session import SavedSession
from driveway_bridge.simulator.endpoint import Endpoint
from driveway_bridge.simulator.virtual_car import VirtualCar

VIN = "5YJ30123456789ABC"
KEY = PrivateKey.from_scalar(bytes.fromhex("2538cdc29a97c19c1e99a637d6cf4f8c970c118b56ede1e6323e6d162c4b30db"))


class Pair:
    """One client, one car, one link at a time."""

    def __init__(self, seed: int = 1) -> None:
        self.now = 1000.0
        self.events: list[dict[str, Any]] = []
        self.car = VirtualCar(VIN, seed=seed, report=self.events.append)
        self.car.enrol(KEY.public)
        self.heard: list[Broadcast] = []
        self._random = random.Random(seed)
        self.connection, self.endpoint = self.link({})

    def link(self, sessions: dict[Domain, SavedSession]) -> tuple[Connection, Endpoint]:
        """Open a link with remembered sessions."""
        self.connection = Connection(VIN, KEY, sessions=sessions, random=self._random.randbytes)
        self.endpoint = self.car.connect(self.now)
        return self.connection, self.endpoint

    def relink(self) -> None:
        """Hang up and open another link; only the sessions are kept."""
        self.car.disconnect(self.endpoint)
        self.link(self.connection.saved())

    def give(self, command: Command, timeout_s: float = 8.0) -> Outcome:
        """Give a command and play both sides until it is over."""
        request = self.connection.request(command, self.now, timeout_s=timeout_s)
        for _ in range(2000):
            outcome = self.exchange(request)
            if outcome is not None:
                return outcome
            if self.endpoint.hung_up:
                self.relink()
                return Unanswered(id=request, reason="link_lost", may_have_happened=True)
            self.wait()
        raise AssertionError("the conversation does not end")

    def exchange(self, request: int) -> Outcome | None:
        """Carry bytes both ways until nobody has more to say; give the outcome of the request, if it came."""
        found: Outcome | None = None
        quiet = False
        while not quiet:
            frames = self.connection.data_to_send()
            for frame in frames:
                self.endpoint.receive_data(frame, self.now)
            pieces = self.endpoint.data_to_send()
            for piece in pieces:
                self.connection.receive_data(piece, self.now)
            quiet = not frames and not pieces
            while (event := self.connection.next_event()) is not None:
                if isinstance(event, Broadcast):
                    self.heard.append(event)
                elif isinstance(event, (Reply, Refused, Unanswered)) and event.id == request:
                    found = found or event
        return found

    def wait(self, seconds: float | None = None) -> None:
        """Let time pass: so many seconds, or until somebody has something to do."""
        times = (self.connection.next_deadline(), self.endpoint.next_deadline(), self.car.next_deadline())
        due = min((time for time in times if time is not None), default=self.now + 1)
        self.now = max(self.now, due) if seconds is None else self.now + seconds
        self.connection.handle_deadline(self.now)
        self.endpoint.handle_deadline(self.now)
        self.car.settle(self.now)
        self.endpoint.handle_deadline(self.now)
