"""How strongly the bridges heard the cars in the last week. Pure; days are ordinals as of `datetime.date`."""

import statistics
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

DAYS: Final = 7
LEAST_DAYS: Final = 4
"""On so many of the days the car must have been heard: one that was on a journey says little."""
EVERY_S: Final = 300.0
"""At most one sample in this time, so that the median is over time and not over messages."""

type Pair = tuple[str, str]
"""A bridge and a car."""


class SignalWeek:
    """For each pair and day, how often each strength was heard."""

    def __init__(self, stored: Mapping[str, Any] | None = None) -> None:
        """`stored`: what `as_stored` gave."""
        self._days: dict[Pair, dict[int, Counter[int]]] = {}
        self._sampled: dict[Pair, tuple[float, float | None]] = {}
        for name, days in (stored or {}).items():
            bridge, _, car = name.partition("/")
            self._days[bridge, car] = {
                int(day): Counter({int(dbm): int(count) for dbm, count in strengths.items()})
                for day, strengths in days.items()
            }

    def as_stored(self) -> dict[str, Any]:
        """Give what JSON can hold."""
        return {
            f"{bridge}/{car}": {
                str(day): {str(dbm): count for dbm, count in strengths.items()} for day, strengths in days.items()
            }
            for (bridge, car), days in self._days.items()
        }

    def note(self, pair: Pair, dbm: int, heard_at: float | None, day: int, now: float) -> bool:
        """Take a strength that was heard at a time of the bridge's clock; whether it counted. `now` in seconds."""
        before, last_heard_at = self._sampled.get(pair, (-EVERY_S, None))
        if now - before < EVERY_S or heard_at == last_heard_at:
            return False
        self._sampled[pair] = (now, heard_at)
        days = self._days.setdefault(pair, {})
        days.setdefault(day, Counter())[dbm] += 1
        for old in [old for old in days if old <= day - 2 * DAYS]:
            del days[old]
        return True

    def keep(self, pairs: set[Pair]) -> None:
        """Forget all others."""
        for pair in self._days.keys() - pairs:
            del self._days[pair]

    def median(self, pair: Pair, day: int) -> float | None:
        """Give the median of the week that ends with this day, in dBm; None while the week is not over."""
        days = self._days.get(pair, {})
        week = [strengths for old, strengths in days.items() if day - DAYS < old <= day]
        if len(week) < LEAST_DAYS or min(days) > day - DAYS + 1:
            return None
        heard = sum(week, Counter[int]())
        return statistics.median(heard.elements())
