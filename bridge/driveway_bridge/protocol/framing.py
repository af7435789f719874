"""Frames on a byte stream: two bytes of length, big-endian, which do not count themselves, and the message.

The same on Bluetooth (cut into writes and indications) and on TCP. A frame that stops arriving halfway is given up, so
that the next one is understood: more than a second between two pieces means that the rest will not come.
"""

from __future__ import annotations

from collections.abc import Iterator

MAX_SENT = 1024
"""Bytes of one message towards the car; it takes no more."""
MAX_RECEIVED = 2048
"""Bytes of one message that we are willing to gather; cars have been seen to send up to 453."""
PATIENCE_S = 1.0
"""Longest pause within a frame, in seconds (the car and the maker's own client use the same)."""
_LENGTH = 2


def frame(message: bytes) -> bytes:
    """Put the length before a message of 1 to MAX_SENT bytes; ValueError for any other size."""
    if not 0 < len(message) <= MAX_SENT:
        raise ValueError(f"a message has 1 to {MAX_SENT} bytes, this one {len(message)}")
    return len(message).to_bytes(_LENGTH, "big") + message


def split(framed: bytes, size: int) -> Iterator[bytes]:
    """Cut framed bytes into pieces of at most `size` bytes, in order."""
    if size < 1:
        raise ValueError("a piece has at least one byte")
    for start in range(0, len(framed), size):
        yield framed[start : start + size]


class Unframer:
    """Gathers pieces into messages of at most `limit` bytes; memory is bounded by that whatever arrives."""

    def __init__(self, limit: int = MAX_RECEIVED) -> None:
        self._limit = limit
        self.dropped = 0
        """Times that unfinished or impossible bytes were thrown away."""
        self._buffer = bytearray()
        self._fed_at = 0.0

    def feed(self, data: bytes, now: float) -> list[bytes]:
        """Take a piece that arrived at `now` (seconds) and give the messages that it completes."""
        if self._buffer and now - self._fed_at > PATIENCE_S:
            self._drop()
        self._fed_at = now
        self._buffer += data
        messages = []
        while len(self._buffer) >= _LENGTH:
            length = int.from_bytes(self._buffer[:_LENGTH], "big")
            if not 0 < length <= self._limit:
                # No way to tell where the next frame begins: the stream is picked up again at the next piece.
                self._drop()
                break
            if len(self._buffer) < _LENGTH + length:
                break
            messages.append(bytes(self._buffer[_LENGTH : _LENGTH + length]))
            del self._buffer[: _LENGTH + length]
        return messages

    def _drop(self) -> None:
        self.dropped += 1
        self._buffer.clear()
