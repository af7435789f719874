"""After an owner's command to infotainment: what it did is looked at, and as the car is up, everything else once.

An owner who gives such a command has the car stay awake for some eleven minutes. Questions in the first seconds of them
prolong that by as many seconds, no more; so there are some, and then no more unless something else holds the car.
"""

from __future__ import annotations

import math
from typing import Final

READ_BACK_S: Final = (1.0, 8.0, 30.0)
"""After the command its subject is read: at once, after the car had time for it, and when its motors are done."""
ROUND_S: Final = 20.0
"""So long all that is old is read, one subject after the other."""
OLD_S: Final = 900.0
FAST_S: Final = 300.0
"""While something else holds the car, the subject is read every FAST_EVERY_S for so long; it ends by time."""
FAST_EVERY_S: Final = 15.0


class Window:
    """The time after one command; a new command opens a new one."""

    def __init__(self, at: float = -math.inf, subject: str | None = None) -> None:
        self.at = at
        self.subject = subject
        """What the command was about; None: nothing that can be read, or all of it."""

    def round_due(self, now: float, heard_at: float) -> float | None:
        """When a subject that was heard last at `heard_at` is to be asked about as the car is up anyway."""
        return self.at if now < self.at + ROUND_S and self.at - heard_at > OLD_S else None

    def read_back_due(self, now: float, heard_at: float) -> float | None:
        """When its own subject is to be read next, though nothing else holds the car; None: no more."""
        if now > self.at + READ_BACK_S[-1] + READ_BACK_S[-1]:  # a late one would cost what it is late
            return None
        return next((self.at + after for after in READ_BACK_S if heard_at < self.at + after), None)

    def fast_due(self, now: float, heard_at: float) -> float | None:
        """When its own subject is to be read next while something else holds the car."""
        if now >= self.at + FAST_S:
            return None
        return max(heard_at, self.at) + FAST_EVERY_S
