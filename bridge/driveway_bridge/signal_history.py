"""How well a car was heard, minute by minute, for a day: a fixed small memory per car.

Pains 95, 37.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypedDict

from driveway_bridge.car import Observer

if TYPE_CHECKING:
    from driveway_bridge.link.base import Sighting

MINUTES: Final = 24 * 60
MINUTE_S: Final = 60.0
WEAK_DBM: Final = -90
"""Below this the car is still heard, but connections fail often."""
_WEAKEST_DBM: Final = -127
_STRONGEST_DBM: Final = 20
"""What Bluetooth can tell at all; other numbers mean that the radio does not know."""


class SignalPoint(TypedDict):
    """One minute; the signals in dBm are None when the car was not heard in it."""

    minutes_ago: int
    """0: the minute that is running."""
    min_dbm: int | None
    mean_dbm: float | None
    max_dbm: int | None
    count: int
    """How often the car was heard without a link."""
    linked: bool
    """Whether a link was open at any time in it: then not hearing the car means nothing."""


class SignalHistory(Observer):
    """The last 24 hours of one car, or less after a start; `now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._first = self._latest = int(now() // MINUTE_S)
        self._linked_now = False
        self._weakest = array("b", bytes(MINUTES))
        self._strongest = array("b", bytes(MINUTES))
        self._sum = array("l", [0]) * MINUTES
        self._count = array("L", [0]) * MINUTES
        self._linked = bytearray(MINUTES)

    def sighted(self, sighting: Sighting) -> None:
        """Note how strong the car was heard."""
        signal = sighting.rssi_dbm
        if signal is None or not _WEAKEST_DBM <= signal <= _STRONGEST_DBM:
            return
        at = self._advance()
        heard = self._count[at] > 0
        self._weakest[at] = min(self._weakest[at], signal) if heard else signal
        self._strongest[at] = max(self._strongest[at], signal) if heard else signal
        self._sum[at] += signal
        self._count[at] += 1

    def heard_link(self, linked: bool, reason: str | None) -> None:  # noqa: ARG002, FBT001 - the shape of Observer
        """Note whether a link is open."""
        at = self._advance()
        self._linked_now = linked
        if linked:
            self._linked[at] = True

    def points(self) -> list[SignalPoint]:
        """Every minute since the start, 24 hours at most, the oldest first."""
        self._advance()
        oldest = max(self._first, self._latest - MINUTES + 1)
        return [self._point(minute) for minute in range(oldest, self._latest + 1)]

    def _point(self, minute: int) -> SignalPoint:
        at = minute % MINUTES
        count = self._count[at]
        return SignalPoint(
            minutes_ago=self._latest - minute,
            min_dbm=self._weakest[at] if count else None,
            mean_dbm=round(self._sum[at] / count, 1) if count else None,
            max_dbm=self._strongest[at] if count else None,
            count=count,
            linked=bool(self._linked[at]),
        )

    def _advance(self) -> int:
        """Empty the minutes that have begun since the last call; the place of the one that is running."""
        minute = int(self._now() // MINUTE_S)
        for begun in range(max(self._latest, minute - MINUTES) + 1, minute + 1):
            at = begun % MINUTES
            self._sum[at] = self._count[at] = 0
            self._linked[at] = self._linked_now
        self._latest = max(self._latest, minute)
        return self._latest % MINUTES
