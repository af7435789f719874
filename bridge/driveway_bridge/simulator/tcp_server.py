"""The virtual car on TCP: framed bytes, one connection for each link."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from driveway_bridge.link.memory import Plug
from driveway_bridge.simulator.live import LiveCar, PlacesTaken

UNREAD_LIMIT = 1 << 16
"""Bytes, of the kernel and again of ours; a client that does not read is cut off instead of filling the memory."""
_CHUNK = 4096
"""Bytes taken from one client before the others have their turn."""


class _Client(asyncio.BufferedProtocol):
    """One connection."""

    _transport: asyncio.Transport
    _plug: Plug | None = None

    def __init__(self, live: LiveCar, clients: set[_Client]) -> None:
        self._live = live
        self._clients = clients
        self._buffer = bytearray(_CHUNK)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # Frames are small and waited for: the kernel must not hold one back to fill a packet.
        connected = transport.get_extra_info("socket")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_LIMIT)
        self._clients.add(self)
        try:
            self._plug = self._live.attach(self._send, self.hang_up)
        except PlacesTaken:
            self._transport.close()

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - always the same
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._plug:
            self._plug.feed(bytes(self._buffer[:nbytes]))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - any end is the end
        self._clients.discard(self)
        if self._plug:
            self._plug.detach()

    def hang_up(self) -> None:
        """End the connection; nobody waits for a client that does not read."""
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _send(self, framed: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(framed)
        if self._transport.get_write_buffer_size() > UNREAD_LIMIT:
            self._transport.abort()


class TcpServer:
    """The car's TCP port; a client beyond the car's places is closed at once."""

    def __init__(self, live: LiveCar, host: str, port: int) -> None:
        """Port 0: any free one, see `address` after `start`."""
        self._live = live
        self._host = host
        self._port = port
        self._clients: set[_Client] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port, the real one once it listens."""
        return self._port

    @property
    def listening(self) -> bool:
        """Whether the port is open."""
        return self._server is not None

    @property
    def address(self) -> str:
        """As `--listen` and the configuration write it."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"tcp://{host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        make: Callable[[], _Client] = lambda: _Client(self._live, self._clients)  # noqa: E731 - typed for the loop
        server = await asyncio.get_running_loop().create_server(make, self._host, self._port)
        self._server = server
        self._port = int(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port and all connections."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for client in list(self._clients):
            client.abort()
        await server.wait_closed()
