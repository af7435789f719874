"""What was used up in the last 24 hours, hour by hour, on a clock that only counts seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

HOUR_S: Final = 3600.0
HOURS: Final = 24
"""And the one that is running: what was used counts until it is surely a day old."""


class Day:
    """Wake-ups and seconds awake. Times are seconds on one monotonic clock."""

    def __init__(self) -> None:
        self._hours: dict[int, tuple[int, float]] = {}

    def add(self, now: float, *, wakes: int = 0, awake_s: float = 0.0) -> None:
        """Note what was used."""
        hour = int(now // HOUR_S)
        before = self._hours.get(hour, (0, 0.0))
        self._hours[hour] = before[0] + wakes, before[1] + awake_s
        self._forget(now)

    def wakes(self, now: float) -> int:
        """Wake-ups of the last day."""
        self._forget(now)
        return sum(wakes for wakes, _ in self._hours.values())

    def awake_s(self, now: float) -> float:
        """Seconds awake of the last day."""
        self._forget(now)
        return sum(awake_s for _, awake_s in self._hours.values())

    def _forget(self, now: float) -> None:
        oldest = int(now // HOUR_S) - HOURS
        self._hours = {hour: used for hour, used in self._hours.items() if hour >= oldest}

    def document(self, now: float) -> dict[str, Any]:
        """Give it as JSON, with ages instead of times: the clock does not survive a restart."""
        self._forget(now)
        return {
            "hours": [
                {"age_s": round(now - hour * HOUR_S, 1), "wakes": wakes, "awake_s": round(awake_s, 1)}
                for hour, (wakes, awake_s) in sorted(self._hours.items())
            ]
        }

    def restore(self, document: Mapping[str, Any], age_s: float, now: float) -> None:
        """Take what `document` gave so many seconds ago; what has no sense is left out."""
        entries = document.get("hours")
        for entry in entries if isinstance(entries, list) else []:
            values = entry if isinstance(entry, dict) else {}
            age, wakes, awake_s = (values.get(key) for key in ("age_s", "wakes", "awake_s"))
            if _amount(age) and _amount(wakes) and _amount(awake_s):
                hour = int((now - age - max(0.0, age_s)) // HOUR_S)
                before = self._hours.get(hour, (0, 0.0))
                self._hours[hour] = before[0] + int(wakes), before[1] + float(awake_s)
        self._forget(now)


def _amount(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and 0 <= value < math.inf
