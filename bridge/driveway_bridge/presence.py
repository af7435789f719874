"""Whether a car is near, from being heard alone: no link is needed, and the absence of an error proves nothing.

The car advertises permanently, also while it sleeps. Not hearing it means something only while the radio listens.
"""

from __future__ import annotations

import math
from typing import Final

GONE_S: Final = 90.0
"""So long unheard, by a radio that listens, and the car is away. A car's software update makes a gap of 20 s, and
single advertisements are lost all the time."""


class Presence:
    """The judgement on one car; all times in seconds on one monotonic clock."""

    def __init__(self) -> None:
        self._heard_at: float | None = None
        self._listening_since: float | None = None
        self._in_range: bool | None = None

    def heard(self, at: float) -> None:
        """The car was heard: it is near."""
        self._heard_at = at
        self._in_range = True

    def judge(self, now: float, *, listening: bool) -> bool | None:
        """Whether the car is near; None while nobody knows, because the radio does not listen or has just begun to."""
        if not listening:
            self._listening_since = None
        elif self._listening_since is None:
            self._listening_since = now
        if self._heard_at is not None and now - self._heard_at < GONE_S:
            self._in_range = True
        elif self._listening_since is None:
            self._in_range = None
        elif now - max(self._heard_at or -math.inf, self._listening_since) >= GONE_S:
            self._in_range = False
        return self._in_range
