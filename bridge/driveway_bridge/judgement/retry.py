"""When to try again what has failed."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failures:
    """How often in a row something failed, when it may be tried again, and the reason code of the last time."""

    count: int = 0
    retry_at: float = -math.inf
    reason: str = ""

    def more(self, reason: str, now: float, *, first_s: float, longest_s: float) -> Failures:
        """Once more: twice the pause of the last time."""
        pause_s = min(longest_s, first_s * 2.0 ** min(self.count, 20))
        return Failures(self.count + 1, now + pause_s, reason)
