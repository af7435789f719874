"""How long was listened, in all and of late, and how much was heard in the last minute."""

from __future__ import annotations

from collections import deque
from typing import Final

MINUTE_S: Final = 60


class Listening:
    """A stopwatch that runs while a scan does; all times in seconds on one monotonic clock."""

    def __init__(self) -> None:
        self._total_s = 0.0
        self._since: float | None = None

    def start(self, now: float) -> None:
        """Begin to listen."""
        if self._since is None:
            self._since = now

    def stop(self, now: float) -> None:
        """Stop listening."""
        if self._since is not None:
            self._total_s += now - self._since
            self._since = None

    def total_s(self, now: float) -> float:
        """So long was listened in all."""
        return self._total_s + (0.0 if self._since is None else now - self._since)


class SharedListening(Listening):
    """One stopwatch for several scans: it runs while any of them does."""

    def __init__(self) -> None:
        super().__init__()
        self._scans = 0

    def start(self, now: float) -> None:
        """One more scan runs."""
        self._scans += 1
        super().start(now)

    def stop(self, now: float) -> None:
        """One scan has ended."""
        self._scans -= 1
        if not self._scans:
            super().stop(now)


class Rate:
    """Counts events of the last minute, in as many counters as it has seconds."""

    def __init__(self) -> None:
        self.last_at: float | None = None
        self._seconds: deque[list[int]] = deque()

    def count(self, now: float) -> None:
        """Count one event."""
        self.last_at = now
        second = int(now)
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += 1
        else:
            self._seconds.append([second, 1])
            self._forget(second)

    def per_minute(self, now: float) -> int:
        """Give the events of the last minute."""
        self._forget(int(now))
        return sum(count for _, count in self._seconds)

    def _forget(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] <= second - MINUTE_S:
            self._seconds.popleft()
