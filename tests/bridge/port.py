"""A port of this computer for a server that comes later, or never."""

from __future__ import annotations

import socket


class KeptPort:
    """Nobody listens on it, nor is given it meanwhile: only who asks for it by number may listen, more than once."""

    def __init__(self) -> None:
        self._kept = socket.socket()
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: then both may have it
        self._kept.bind(("127.0.0.1", 0))
        self.number: int = self._kept.getsockname()[1]

    def close(self) -> None:
        self._kept.close()
