"""The replay window: which counters of a session were used."""

from __future__ import annotations

DEPTH = 32
"""How far behind the highest counter a message may arrive."""
_MASK = (1 << DEPTH) - 1


class Window:
    """The highest counter and, as bits, the ones before it: bit n stands for `counter - 1 - n`."""

    def __init__(self, counter: int = 0, history: int = 0) -> None:
        self.counter = counter
        self.history = history

    def is_new(self, counter: int) -> bool:
        """Tell whether this counter is neither used nor too old to know."""
        age = self.counter - counter
        if age < 0:
            return True
        return 0 < age <= DEPTH and not self.history >> (age - 1) & 1

    def take(self, counter: int) -> None:
        """Remember a counter that is new."""
        ahead = counter - self.counter
        if ahead <= 0:
            self.history |= 1 << (-ahead - 1)
            return
        self.history = (self.history << 1 | 1) << (ahead - 1) & _MASK if ahead <= DEPTH else 0
        self.counter = counter
