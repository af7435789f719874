"""One start of the bridge: its id, and the clock that counts from it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable


def _seconds() -> float:
    # The clock must also count while the computer sleeps: a command that was given before must be old afterwards.
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Boot:
    """What commands and values refer to; both halves are new after a restart."""

    def __init__(self, clock: Callable[[], float] = _seconds) -> None:
        self.id = secrets.token_hex(8)
        self._clock = clock
        self._started = clock()

    def now(self) -> float:
        """Seconds since this start."""
        return self._clock() - self._started
