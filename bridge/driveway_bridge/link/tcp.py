"""The frames of the car over a TCP stream: for a virtual car, a test in another process, or a radio elsewhere."""

from __future__ import annotations

import asyncio
import socket

from driveway_bridge.errors import LinkLost, NotReached
from driveway_bridge.link.base import Link, Sighting

_CHUNK = 4096


class TcpLink:
    """One open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, framed: bytes) -> None:
        """Send one frame; the kernel takes it whole or the link is lost."""
        if self._writer.is_closing():
            raise LinkLost("link_lost", may_have_happened=False)
        try:
            self._writer.write(framed)
            await self._writer.drain()
        except OSError as error:
            raise LinkLost("link_lost", type(error).__name__, may_have_happened=True) from error

    async def receive(self) -> bytes:
        """Wait for bytes; an orderly end and a reset are both a lost link."""
        try:
            data = await self._reader.read(_CHUNK)
        except OSError as error:
            raise LinkLost("link_lost", type(error).__name__) from error
        if not data:
            raise LinkLost("link_lost", "the other side hung up")
        return data

    async def close(self) -> None:
        """Hang up and wait until the socket is closed."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return  # it was lost before; closed is what was asked for


class TcpDialer:
    """Opens connections to one address."""

    name = "tcp"
    last_heard: Sighting | None = None

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    async def connect(self, deadline_s: float) -> Link:
        """Connect within the deadline; refusal and silence are told apart."""
        where = f"{self._host}:{self._port}"
        try:
            async with asyncio.timeout(deadline_s):
                reader, writer = await asyncio.open_connection(self._host, self._port)
        except TimeoutError as error:
            raise NotReached("no_connection", f"{where} did not answer within {deadline_s:g} s") from error
        except OSError as error:
            raise NotReached("nobody_listening", f"{where}: {error.strerror or error}") from error
        connected = writer.get_extra_info("socket")
        # Frames are small and answers are waited for: the kernel must not hold one back to fill a packet.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return TcpLink(reader, writer)

    async def close(self) -> None:
        """Hold nothing."""
