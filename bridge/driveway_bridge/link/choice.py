"""Which of several radios connects to a car: the one that hears it best, unless connecting from there failed of late.

A judgement without a clock of its own; all times are seconds on one monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

SMOOTHING: Final = 0.3
"""The share of the newest figure: single ones differ by 10 dB although nothing moves."""
STALE_S: Final = 10.0
"""What is older says nothing any more; BlueZ may pass on what it hears only every 9 s."""
FORGIVE_S: Final = 600.0
"""So long after the last failure a path is as good as any other again."""
NO_FIGURE_DBM: Final = -100.0
"""What a path counts for whose radio tells no signal."""
WITNESS_S: Final = 600.0
"""A radio that heard the car in so long before it was last heard at all would have to hear it if it were still near."""


class Path:
    """What one radio knows of one car."""

    def __init__(self) -> None:
        self.heard_at: float | None = None
        self._rssi_dbm: float | None = None
        self._failures = 0
        self._failed_at = 0.0

    def heard(self, now: float, rssi_dbm: int | None) -> None:
        """Take an advertisement of the car; the signal is None where the radio tells none."""
        fresh = self.heard_at is not None and now - self.heard_at <= STALE_S
        self.heard_at = now
        if rssi_dbm is not None:
            before = self._rssi_dbm if fresh and self._rssi_dbm is not None else float(rssi_dbm)
            self._rssi_dbm = before + SMOOTHING * (rssi_dbm - before)

    def failed(self, now: float) -> None:
        """Note that connecting from here has failed."""
        self._failures = self.failures(now) + 1
        self._failed_at = now

    def worked(self) -> None:
        """Note that connecting from here has worked."""
        self._failures = 0

    def failures(self, now: float) -> int:
        """How often in a row connecting has failed, of late."""
        return self._failures if now - self._failed_at < FORGIVE_S else 0

    @property
    def rssi_dbm(self) -> float:
        """How strongly the car is heard, in dBm: the mean of the last few figures."""
        return NO_FIGURE_DBM if self._rssi_dbm is None else self._rssi_dbm


P = TypeVar("P", bound=Path)


def ranking(paths: Iterable[P], now: float) -> list[P]:
    """Give the paths over which the car was heard of late, the best first: fewest failures, then strongest."""
    heard = [path for path in paths if path.heard_at is not None and now - path.heard_at <= STALE_S]
    return sorted(heard, key=lambda path: (path.failures(now), -path.rssi_dbm))


def witnesses(paths: Iterable[P]) -> list[P]:
    """Give the paths of which silence proves that the car is away, if all their radios listen.

    Those over which it was heard when it was last heard at all; each, if it never was.
    """
    all_of_them = list(paths)
    last = max((path.heard_at for path in all_of_them if path.heard_at is not None), default=None)
    if last is None:
        return all_of_them
    return [path for path in all_of_them if path.heard_at is not None and last - path.heard_at <= WITNESS_S]
