"""paho's client for one connection, as the event loop drives it: it reads in pieces, and nothing that is too long."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
from enum import Enum
from typing import Final

from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from driveway_bridge import frugal
from driveway_bridge.contract import MAX_PAYLOAD
from driveway_bridge.mqtt.sieve import LONGEST_TOPIC, Sieve

# It asks for proxies only where the library `socks` is installed.
with contextlib.nullcontext() if importlib.util.find_spec("socks") else frugal.without_proxies():
    import paho.mqtt.client as paho

__all__ = ["MAX_PACKET", "PahoClient", "Version", "paho"]

MAX_PACKET: Final = 64 * 1024
"""Bytes of a message that a broker with MQTT 5 still sends us."""
LONGEST: Final = LONGEST_TOPIC + 2 * MAX_PAYLOAD
"""What an older broker sends beyond is cut off here: enough is left to see that it is too long for a command."""
PIECE: Final = 16 * 1024
"""Bytes that are read at once: what one record of TLS holds."""


class Version(Enum):
    """Versions of MQTT, the wanted one first."""

    V5 = "5"
    V311 = "3.1.1"


class PahoClient(paho.Client):
    """A client of its own for each connection; paho must not be asked to connect it again by itself."""

    def __init__(self, client_id: str, version: Version) -> None:
        fifth = version is Version.V5
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if fifth else True,
            protocol=MQTTProtocolVersion.MQTTv5 if fifth else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        self.sieve = Sieve(LONGEST)
        self.fault: OSError | None = None
        """Why nothing can be read any more, if the system or TLS has said it."""

    @property
    def holds_more(self) -> bool:
        """Whether something is read already and not worked off; the system tells nobody of it."""
        pending = getattr(self.connected_socket(), "pending", None)  # of a connection with TLS
        return bool(self.sieve) or (pending is not None and pending() > 0)

    def _sock_recv(self, bufsize: int) -> bytes:
        """Read for paho, which wants single bytes first and then the rest of a packet, however long that is."""
        if not self.sieve:
            piece = self._read()
            if not piece:
                return piece  # the broker has hung up
            self.sieve.feed(piece)
            if not self.sieve:
                raise BlockingIOError  # all of it was dropped
        return self.sieve.take(bufsize)

    def _read(self) -> bytes:
        try:
            return super()._sock_recv(PIECE)
        except BlockingIOError:
            raise
        except OSError as error:
            self.fault = error
            raise

    def connected_socket(self) -> socket.socket | None:
        """The connection, if there is one that is open."""
        connected = self.socket()
        return connected if isinstance(connected, socket.socket) and connected.fileno() >= 0 else None
