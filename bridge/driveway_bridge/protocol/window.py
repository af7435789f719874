"""Which counters were seen, so that nothing is taken twice: the highest one and a window of 32 below it."""

from __future__ import annotations

DEPTH = 32
"""How far below the highest counter a late one may still come."""


class SlidingWindow:
    """Accepts every counter once, in any order within the window; the first one whatever it is."""

    def __init__(self, counter: int | None = None, seen: int = 0) -> None:
        self.counter = counter
        """The highest one accepted; None before the first."""
        self.seen = seen
        """Bit n: counter - 1 - n was accepted."""

    def accept(self, counter: int) -> bool:
        """Take a counter that is proved to be genuine; False, and nothing changes, when it was seen or is too old."""
        if self.counter is None:
            self.counter = counter
            return True
        ahead = counter - self.counter
        if ahead > 0:
            self.seen = (((self.seen << 1) | 1) << (ahead - 1)) & ((1 << DEPTH) - 1) if ahead <= DEPTH else 0
            self.counter = counter
            return True
        bit = -ahead - 1
        if ahead == 0 or bit >= DEPTH or self.seen >> bit & 1:
            return False
        self.seen |= 1 << bit
        return True
