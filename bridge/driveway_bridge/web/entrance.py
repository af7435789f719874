"""The door of the web server: so many connections and no more, and none that dawdles. Bytes pass through untouched."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

from driveway_bridge.web.login import household

MOST: Final = 48
MOST_OF_ONE: Final = 12
"""Connections of one address; a browser opens six."""
REQUEST_S: Final = 10.0
"""For a whole request to arrive, and for a whole answer to be taken."""


class Entrance:
    """Counts who is inside. `visit` makes the protocol of a connection, around the web server's own."""

    def __init__(self) -> None:
        self.inside: dict[asyncio.BaseTransport, _Visit] = {}
        self.counts: Counter[str] = Counter()

    def visit(self, make: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """Make one; `make` is called if it is let in."""
        return _Visit(self, make)

    def begins(self, transport: asyncio.BaseTransport | None) -> None:
        """A whole request has arrived here: its answer may take the time that it takes."""
        if visit := self.inside.get(transport) if transport is not None else None:
            visit.wait(None)

    def ends(self, transport: asyncio.BaseTransport | None) -> None:
        """The answer is ready: it has to be taken, and the next request to come, in time."""
        if visit := self.inside.get(transport) if transport is not None else None:
            visit.wait(REQUEST_S)


class _Visit(asyncio.Protocol):
    """One connection, handed on to the web server's own protocol."""

    def __init__(self, entrance: Entrance, make: Callable[[], asyncio.Protocol]) -> None:
        self._entrance = entrance
        self._make = make
        self._inner: asyncio.Protocol | None = None
        self._transport: asyncio.BaseTransport | None = None
        self._who = ""
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, unless there are too many."""
        peer = transport.get_extra_info("peername")
        self._who = household(str(peer[0])) if peer else ""
        counts = self._entrance.counts
        if len(self._entrance.inside) >= MOST or counts[self._who] >= MOST_OF_ONE:
            _abort(transport)
            return
        counts[self._who] += 1
        self._transport = transport
        self._entrance.inside[transport] = self
        self._inner = self._make()
        self._inner.connection_made(transport)
        self.wait(REQUEST_S)

    def wait(self, seconds: float | None) -> None:
        """From now on something has to happen within this time; None: no matter when."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if seconds is not None and self._transport is not None:
            self._deadline = asyncio.get_running_loop().call_later(seconds, _abort, self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self.wait(None)
        if self._inner is None or self._transport is None:
            return
        del self._entrance.inside[self._transport]
        self._entrance.counts[self._who] -= 1
        if not self._entrance.counts[self._who]:
            del self._entrance.counts[self._who]
        self._transport = None
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hand on."""
        if self._inner is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand on."""
        return None if self._inner is None else self._inner.eof_received()

    def pause_writing(self) -> None:
        """Hand on."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Hand on."""
        if self._inner is not None:
            self._inner.resume_writing()


def _abort(transport: asyncio.BaseTransport) -> None:
    if isinstance(transport, asyncio.WriteTransport):  # it is: this is TCP
        transport.abort()
