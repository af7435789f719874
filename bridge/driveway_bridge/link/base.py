"""The seam between the conversation and whatever carries its bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """The last time that the car was heard without a link."""

    at: float
    """Seconds on `time.monotonic`."""
    rssi_dbm: int | None
    """Signal, in dBm; None where the way has no radio."""
    connectable: bool | None
    """False when the car says that all its Bluetooth places are taken; None when it is not told."""


class Link(Protocol):
    """An open way to one car. It carries bytes that are already framed, in order, and loses none while it lives."""

    async def send(self, framed: bytes) -> None:
        """Send one frame whole. Raises LinkLost; its `may_have_happened` tells whether any byte may have left."""
        ...

    async def receive(self) -> bytes:
        """Wait for the next bytes of the car, cut anyhow. Raises LinkLost when the link is gone."""
        ...

    async def close(self) -> None:
        """Give the link back. Safe to call twice and after a loss."""
        ...


@runtime_checkable
class PushingLink(Link, Protocol):
    """A link that takes and hands over bytes at once, without a turn of the loop for each piece."""

    @property
    def free(self) -> bool:
        """Whether `push` would take a frame now."""
        ...

    def push(self, framed: bytes) -> None:
        """Send one frame as `send` does, when the link is free."""
        ...

    def listen(self, hear: Callable[[bytes], None], lose: Callable[[Exception], None]) -> None:
        """From now on call `hear` with bytes of the car and, once, `lose` with LinkLost; `receive` is not used then."""
        ...


class Dialer(Protocol):
    """Finds one car and opens links to it, any number of times, one at a time."""

    @property
    def name(self) -> str:
        """How this way is called in results and texts: `bluetooth`, `tcp`, `memory`."""
        ...

    @property
    def last_heard(self) -> Sighting | None:
        """When the car was last heard without a link, where the way can tell."""
        ...

    @property
    def listening(self) -> bool:
        """Whether the car would be heard now if it were near: only then does silence mean that it is away."""
        ...

    def on_sighting(self, tell: Callable[[Sighting], None]) -> None:
        """Call `tell` from now on when the car is heard without a link, once a second at most. Without radio: never."""
        ...

    async def connect(self, deadline_s: float) -> Link:
        """Find the car and open a link within `deadline_s` seconds. Raises NotReached with the reason."""
        ...

    async def close(self) -> None:
        """Give back everything that is held (adapter, scan)."""
        ...
