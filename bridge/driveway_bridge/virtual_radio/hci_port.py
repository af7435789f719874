"""A TCP connection that carries HCI: to the client it is a Bluetooth chip, to the air it is one more unit."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from bumble.core import InvalidPacketError
from bumble.transport.common import PacketParser

if TYPE_CHECKING:
    from driveway_bridge.virtual_radio.air import Air
    from driveway_bridge.virtual_radio.controller import Unit

_LOGGER = logging.getLogger(__name__)

UNREAD_LIMIT = 1 << 20  # bytes; a client that reads nothing is cut off instead of filling the memory


class HciPort(asyncio.Protocol):
    """One TCP client and its unit, which lives from the connection's beginning to its end.

    Without `address` the unit gets the next of the air's own.
    """

    unit: Unit
    """The chip, while there is a connection."""
    _transport: asyncio.Transport
    _parser: PacketParser

    def __init__(self, air: Air, address: str | None = None) -> None:
        self._air = air
        self._address = address

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.unit = self._air.unit("hci", self._address)
        self.unit.set_packet_sink(self)
        self._parser = PacketParser(self.unit)
        self._air.ports.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except InvalidPacketError:
            _LOGGER.warning("A client of the virtual radio does not speak HCI; it is cut off")
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - any end is the end
        self._air.ports.discard(self)
        self._air.remove(self.unit)

    def on_packet(self, packet: bytes) -> None:
        """Pass a packet of the unit on to its host."""
        if self._transport.is_closing():
            return
        self._transport.write(packet)
        if self._transport.get_write_buffer_size() > UNREAD_LIMIT:
            _LOGGER.warning("A client of the virtual radio has stopped reading; it is cut off")
            self._transport.abort()

    def close(self) -> None:
        """Cut the client off."""
        self._transport.abort()
