"""The frames of the car over a TCP stream: for a virtual car, a test in another process, or a radio elsewhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from driveway_bridge.errors import LinkLost, NotReached
from driveway_bridge.link.base import Link, Sighting


class TcpLink(asyncio.Protocol):
    """One open connection."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._arrived = bytearray()
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost: LinkLost | None = None
        self._over: asyncio.Future[None] = loop.create_future()
        self._hear: Callable[[bytes], None] | None = None
        self._lose: Callable[[Exception], None] | None = None

    @property
    def free(self) -> bool:
        """Whether the other side reads what we send."""
        return self._writable.is_set()

    def push(self, framed: bytes) -> None:
        """Send one frame without waiting."""
        if self._transport is None or self._transport.is_closing():
            raise LinkLost("link_lost", may_have_happened=False)
        self._transport.write(framed)

    async def send(self, framed: bytes) -> None:
        """Send one frame; the kernel takes it whole or the link is lost."""
        self.push(framed)
        if not self._writable.is_set():
            await self._writable.wait()
        if self._lost is not None:
            raise LinkLost("link_lost", self._lost.detail, may_have_happened=True)

    async def receive(self) -> bytes:
        """Wait for bytes; an orderly end and a reset are both a lost link."""
        while not self._arrived:
            if self._lost is not None:
                raise self._lost
            self._news.clear()
            await self._news.wait()
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    def listen(self, hear: Callable[[bytes], None], lose: Callable[[Exception], None]) -> None:
        """Hand over what arrives, and what has arrived already."""
        self._hear, self._lose = hear, lose
        if self._arrived:
            hear(bytes(self._arrived))
            self._arrived.clear()
        if self._lost is not None:
            lose(self._lost)

    async def close(self) -> None:
        """Hang up and wait until the socket is closed."""
        self._hear = self._lose = None
        if self._transport is not None:
            self._transport.close()
            await self._over

    # What the loop tells ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; frames are small and answers are waited for, so the kernel must hold none back to fill a packet."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a stream socket
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Take what arrives."""
        if self._hear is not None:
            self._hear(data)
        else:
            self._arrived += data
            self._news.set()

    def pause_writing(self) -> None:
        """The other side does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It reads again."""
        self._writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        """End, in whatever way."""
        detail = "the other side hung up" if error is None else type(error).__name__
        self._lost = LinkLost("link_lost", detail)
        self._news.set()
        self._writable.set()
        if not self._over.done():
            self._over.set_result(None)
        if self._lose is not None:
            self._lose(self._lost)


class TcpDialer:
    """Opens connections to one address."""

    name = "tcp"
    last_heard: Sighting | None = None

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    listening = False

    def on_sighting(self, tell: Callable[[Sighting], None]) -> None:
        """Never call it: there is no radio."""

    async def connect(self, deadline_s: float) -> Link:
        """Connect within the deadline; refusal and silence are told apart."""
        where = f"{self._host}:{self._port}"
        try:
            async with asyncio.timeout(deadline_s):
                loop = asyncio.get_running_loop()
                _transport, link = await loop.create_connection(TcpLink, self._host, self._port)
        except TimeoutError as error:
            raise NotReached("no_connection", f"{where} did not answer within {deadline_s:g} s") from error
        except OSError as error:
            raise NotReached("nobody_listening", f"{where}: {error.strerror or error}") from error
        return link

    async def close(self) -> None:
        """Hold nothing."""
