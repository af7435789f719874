"""A link inside one process, to whatever takes and gives framed bytes: for tests and the demonstration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from driveway_bridge.errors import LinkLost
from driveway_bridge.link.base import Link, Sighting


class Plug(Protocol):
    """The car's end of a link: what it is fed, and how it is told that the client has gone."""

    def feed(self, data: bytes) -> None:
        """Take bytes from the client, cut anyhow."""
        ...

    def detach(self) -> None:
        """The client has hung up."""
        ...


Attach = Callable[[Callable[[bytes], None], Callable[[], None]], Plug]
"""Open the car's end: attach(send, hang_up), where the car calls `send` with framed bytes and `hang_up` to drop."""


class MemoryLink:
    """One open link; `cut` plays its loss."""

    def __init__(self, attach: Attach) -> None:
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._open = True
        self._plug = attach(self._inbox.put_nowait, self.cut)

    async def send(self, framed: bytes) -> None:
        """Hand the frame over at once."""
        if not self._open:
            raise LinkLost("link_lost", may_have_happened=False)
        self._plug.feed(framed)

    async def receive(self) -> bytes:
        """Wait for bytes of the car."""
        data = await self._inbox.get()
        if data is None:
            self._inbox.put_nowait(None)  # whoever asks again gets the same answer
            raise LinkLost("link_lost", "the other side hung up")
        return data

    async def close(self) -> None:
        """Hang up."""
        if self._open:
            self._open = False
            self._plug.detach()

    def cut(self) -> None:
        """Lose the link from the car's side; what was sent before is still received."""
        self._open = False
        self._inbox.put_nowait(None)


class MemoryDialer:
    """Opens links to one car in this process."""

    name = "memory"
    last_heard: Sighting | None = None

    def __init__(self, attach: Attach) -> None:
        self._attach = attach

    listening = False

    def on_sighting(self, tell: Callable[[Sighting], None]) -> None:
        """Never call it: there is no radio."""

    async def connect(self, deadline_s: float) -> Link:  # noqa: ARG002 - nothing here takes time
        """Attach; what the car says against it (all places taken) is raised as it is."""
        return MemoryLink(self._attach)

    async def close(self) -> None:
        """Hold nothing."""
