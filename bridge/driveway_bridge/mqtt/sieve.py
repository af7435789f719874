"""What the broker sends, without more of a packet than the bridge takes.

MQTT 5 lets us ask the broker not to send long ones; a broker of MQTT 3.1.1 sends what anybody publishes, up to 256 MB,
and paho holds a whole packet in memory. Here a message that is too long is cut while it is read: its topic and its
beginning pass, so that it is refused like any other that is too long. Any other packet that is too long is dropped.
Giving the connection up instead would not help: what is stored in the broker comes again with the next one.

Pure: bytes in, bytes out.
"""

from __future__ import annotations

from typing import Final

LONGEST_HEADER: Final = 5
"""Bytes: the kind of a packet, and four of its length (MQTT 5, section 2.1.4)."""
LONGEST_TOPIC: Final = 2 + 65_535
"""Bytes at the beginning of a message, after its header (MQTT 5, section 3.3.2.1)."""
_PUBLISH: Final = 3


class Sieve:
    """Takes a stream of packets as it comes, and gives it back with none that is too long."""

    def __init__(self, longest: int) -> None:
        """`longest`: bytes that a packet may have after its header; with LONGEST_TOPIC a cut one can still be read."""
        self._longest = longest
        self._header = bytearray()
        self._left = 0
        """Bytes of the packet at hand that have not come yet."""
        self._wanted = 0
        """How many of them are kept."""
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
                self._kept += part[: self._wanted]
                self._wanted -= min(self._wanted, len(part))
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
        self._left = self._wanted = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(self._header[1:]))
        if self._left <= self._longest:
            self._kept += self._header  # also one that is no header at all: who reads it says so
        elif self._header[0] >> 4 == _PUBLISH:
            self._wanted = self._longest
            self._kept += self._header[:1] + _length(self._longest)
        else:
            self._wanted = 0
        self._header.clear()


def _length(number: int) -> bytes:
    """A length as headers have it: seven bits in each byte, the lowest first."""
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*digits, number))
