"""What the broker sends, without the packets that are longer than the bridge takes.

MQTT 5 lets us ask the broker not to send them; a broker of MQTT 3.1.1 sends what anybody publishes, up to 256 MB, and
paho holds a whole packet in memory. Here such a packet is dropped while it is read. Giving the connection up instead
would not help: what is stored in the broker comes again with the next one. Pure: bytes in, bytes out.
"""

from __future__ import annotations

from typing import Final

LONGEST_HEADER: Final = 5
"""Bytes: the kind of a packet, and four of its length (MQTT 5, section 2.1.4)."""


class Sieve:
    """Takes a stream of packets as it comes, and gives it back without those that are too long."""

    def __init__(self, longest: int) -> None:
        """`longest`: bytes that a packet may have after its header."""
        self.dropped = 0
        """How many packets were too long."""
        self._longest = longest
        self._header = bytearray()
        self._left = 0
        """Bytes of the packet at hand that have not come yet."""
        self._dropping = False
        self._kept = bytearray()

    def __len__(self) -> int:
        """Bytes that can be taken."""
        return len(self._kept)

    def feed(self, data: bytes) -> None:
        """Take in what was read."""
        at = 0
        while at < len(data):
            if self._left:
                part = data[at : at + self._left]
                self._left -= len(part)
                at += len(part)
                if not self._dropping:
                    self._kept += part
            else:
                self._header.append(data[at])
                at += 1
                self._look_at_header()

    def take(self, most: int) -> bytes:
        """Give back so many bytes at most."""
        taken = bytes(self._kept[:most])
        del self._kept[:most]
        return taken

    def _look_at_header(self) -> None:
        size = len(self._header)
        if size == 1 or (self._header[-1] & 0x80 and size < LONGEST_HEADER):
            return
        self._left = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(self._header[1:]))
        self._dropping = self._left > self._longest
        if self._dropping:
            self.dropped += 1
        else:
            self._kept += self._header  # also one that is no header at all: who reads it says so
        self._header.clear()
