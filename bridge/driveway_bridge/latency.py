"""How long commands took lately: percentiles over a bounded number of them, per phase."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

LAST: Final = 256
"""Commands that are looked at; those before are forgotten."""
_PERCENTILES: Final = (50, 95, 99)


class Latency:
    """The last commands' phases, in milliseconds."""

    def __init__(self, last: int = LAST) -> None:
        """Look at so many commands."""
        self._last = last
        self._phases: dict[str, deque[float]] = {}

    def note(self, phases_ms: Mapping[str, float]) -> None:
        """Take one command in: milliseconds by phase."""
        for phase, took_ms in phases_ms.items():
            self._phases.setdefault(phase, deque(maxlen=self._last)).append(took_ms)

    def document(self) -> dict[str, dict[str, float]]:
        """By phase `{"p50": ms, "p95": ms, "p99": ms}`; no phase that never occurred."""
        return {
            phase: {f"p{percent}": round(percentile(ordered, percent), 1) for percent in _PERCENTILES}
            for phase, ordered in ((phase, sorted(took)) for phase, took in self._phases.items())
        }


def percentile(ordered: list[float], percent: int) -> float:
    """The smallest of the values, ordered and at least one, that so many percent of them do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
