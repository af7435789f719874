"""What the tests measure on the way: told as a table at the end."""

from __future__ import annotations

import statistics
from collections import defaultdict


class Figures:
    """Seconds by name; several of one name are told by their median."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)

    def note(self, name: str, seconds: float) -> None:
        """Keep one."""
        self._seconds[name].append(seconds)

    def table(self) -> list[str]:
        """Lines for a person."""
        width = max((len(name) for name in self._seconds), default=0)
        return [f"{name:<{width}}  {_told(values)}" for name, values in self._seconds.items()]


def _told(seconds: list[float]) -> str:
    low, middle, high = (round(kind(seconds) * 1000) for kind in (min, statistics.median, max))
    return f"{middle:8d} ms" + (f"   {low} to {high}, {len(seconds)} times" if len(seconds) > 1 else "")
